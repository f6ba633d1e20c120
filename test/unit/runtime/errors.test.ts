import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { causesOf, errorTable, errorText, FlowError, withoutPassword, type ErrorCode } from '../../../runtime/errors.ts'
import { missing } from '../../../runtime/probe-result.ts'

for (const code of Object.keys(errorTable) as ErrorCode[])
  test(`${code}: a sentence whose gaps are filled from the details`, () => {
    const { message, retriable } = errorTable[code]
    const gaps = [...message.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
    const error = new FlowError(code, Object.fromEntries(gaps.map(name => [name, `<${name}>`])), { cause: 'why' })
    assert.ok(!/[{}]/.test(error.message), error.message)
    for (const name of gaps) assert.ok(error.message.includes(`<${name}>`))
    assert.ok(!message.endsWith('.') && message.length > 5)
    assert.deepEqual([error.code, error.retriable, error.cause, error.name], [code, retriable, 'why', 'FlowError'])
    assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$|^USAGE$/)
  })

test('a missing detail stays visible in the message', () => {
  assert.match(new FlowError('TOPIC_MISSING').message, /topic "\{topic\}" does not exist/)
})

test('causes are walked from the outermost in, and an endless chain ends', () => {
  const inner = new Error('inner')
  const outer = new Error('outer', { cause: new Error('middle', { cause: inner }) })
  assert.deepEqual([...causesOf(outer)].map(errorText), ['outer', 'middle', 'inner'])
  const endless = new Error('again')
  endless.cause = endless
  assert.equal([...causesOf(endless)].length, 10)
  assert.deepEqual([...causesOf(undefined)], [])
})

test('the text of anything thrown', () => {
  assert.deepEqual([errorText(new Error('e')), errorText('s'), errorText(7), errorText(null)], ['e', 's', '7', 'null'])
})

describe('the text of an error that says nothing itself', () => {
  const both = ['connect ECONNREFUSED ::1:8123', 'connect ECONNREFUSED 127.0.0.1:8123'].map(text => new Error(text))
  const table: { name: string; error: unknown; expect: string }[] = [
    // a probe of localhost, which has two addresses, gave an empty reason
    { name: 'is that of what it collected', error: new AggregateError(both), expect: both.map(({ message }) => message).join('; ') },
    { name: 'is told once', error: new AggregateError([both[0], both[0]]), expect: both[0]!.message },
    { name: 'is that of its cause', error: new Error('', { cause: both[0] }), expect: both[0]!.message },
    {
      name: 'is that of the cause below a cause',
      error: new TypeError('fetch failed', { cause: new AggregateError(both.slice(1)) }),
      expect: both[1]!.message,
    },
    { name: 'is its code', error: Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }), expect: 'ECONNREFUSED' },
    { name: 'is its name', error: new AggregateError([new Error('')], ''), expect: 'AggregateError' },
    { name: 'is its own, if nothing lies under it', error: new TypeError('fetch failed'), expect: 'fetch failed' },
    { name: 'is never empty', error: new Error(' \n'), expect: 'an error that says nothing' },
    { name: 'is never empty, whatever is thrown', error: '', expect: 'an error that says nothing' },
    { name: 'of a thing that is not an error is found too', error: { message: 'said' }, expect: 'said' },
  ]
  for (const { name, error, expect } of table) test(name, () => assert.equal(errorText(error), expect))

  test('is found for every code whose message has a detail', () => {
    for (const code of Object.keys(errorTable) as ErrorCode[])
      if (errorTable[code].message.includes('{detail}'))
        assert.match(new FlowError(code, { detail: '' }, { cause: new AggregateError(both) }).message, /connect ECONNREFUSED ::1:8123/)
    assert.match(new FlowError('KAFKA_UNAVAILABLE', { brokers: 'b', detail: '' }).message, /an error that says nothing/)
  })

  test('never loops', () => {
    const endless = new Error('')
    endless.cause = endless
    assert.equal(errorText(endless), 'an error that says nothing')
  })
})

test('a probe has a reason for every error', () => {
  assert.equal(missing('x', 'Kafka', new AggregateError([new Error('\nfirst\nsecond')])).detail, 'first')
  assert.notEqual(missing('x', 'Kafka', new Error('')).detail, '')
})

test('no message shows the password of a URL', () => {
  const url = 'http://reader:hidden@127.0.0.1:8123/a:b@c'
  const error = new FlowError('CLICKHOUSE_UNAVAILABLE', { url, detail: `no answer of ${url}` })
  assert.equal(error.message.match(/http:\/\/reader:\(hidden\)@127\.0\.0\.1:8123\/a:b@c/g)?.length, 2, error.message)
  assert.doesNotMatch(error.message, /reader:hidden/)
  assert.equal(withoutPassword('s3://bucket/a:b@c http://host:80/x@y'), 's3://bucket/a:b@c http://host:80/x@y')
})

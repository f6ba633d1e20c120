import assert from 'node:assert/strict'
import { test } from 'node:test'
import { causesOf, errorTable, errorText, FlowError, withoutPassword, type ErrorCode } from '../../../runtime/errors.ts'

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

test('no message shows the password of a URL', () => {
  const url = 'http://reader:hidden@127.0.0.1:8123/a:b@c'
  const error = new FlowError('CLICKHOUSE_UNAVAILABLE', { url, detail: `no answer of ${url}` })
  assert.equal(error.message.match(/http:\/\/reader:\(hidden\)@127\.0\.0\.1:8123\/a:b@c/g)?.length, 2, error.message)
  assert.doesNotMatch(error.message, /reader:hidden/)
  assert.equal(withoutPassword('s3://bucket/a:b@c http://host:80/x@y'), 's3://bucket/a:b@c http://host:80/x@y')
})

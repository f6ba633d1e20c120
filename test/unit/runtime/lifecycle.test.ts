import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runParts, type Startable } from '../../../runtime/lifecycle.ts'
import type { Log } from '../../../runtime/log.ts'

/** Parts that write down what happens to them. */
class Stage {
  readonly events: string[] = []
  readonly warnings: unknown[][] = []
  readonly told: string[] = []
  readonly log = {
    warn: (...args: unknown[]) => this.warnings.push(args),
    info: (_fields: object, text: string) => this.told.push(text),
  } as unknown as Log
  readonly end = new AbortController()

  part(name: string, options: { start?: () => Promise<void>; stop?: () => Promise<void>; failed?: Promise<never> } = {}): Startable {
    return {
      name,
      start: async () => {
        this.events.push(`start ${name}`)
        await options.start?.()
      },
      stop: async () => {
        this.events.push(`stop ${name}`)
        await options.stop?.()
      },
      ...(options.failed === undefined ? {} : { failed: options.failed }),
    }
  }

  run(parts: readonly Startable[], graceMs = 1000): Promise<boolean> {
    return runParts(parts, this.end.signal, graceMs, this.log, () => this.events.push('running'))
  }
}

const never = new Promise<void>(() => undefined)

test('starts in order, says that it runs, stops in reverse when the signal ends', async () => {
  const stage = new Stage()
  const done = stage.run([stage.part('a'), stage.part('b'), stage.part('c')])
  await sleep(5)
  assert.deepEqual(stage.events, ['start a', 'start b', 'start c', 'running'])
  stage.end.abort()
  await done
  assert.deepEqual(stage.events.slice(4), ['stop c', 'stop b', 'stop a'])
  assert.deepEqual(stage.told, ['stopping', 'stopped cleanly'])
})

test('a part that fails later ends all, and its error comes out', async () => {
  const stage = new Stage()
  let fail!: (error: Error) => void
  const failed = new Promise<never>((_resolve, reject) => (fail = reject))
  const done = stage.run([stage.part('a', { failed }), stage.part('b')])
  await sleep(5)
  fail(new Error('lost'))
  await assert.rejects(done, /lost/)
  assert.deepEqual(stage.events.slice(-2), ['stop b', 'stop a'])
})

test('a part that cannot start ends those before it and itself; those behind it are never started', async () => {
  const stage = new Stage()
  const parts = [stage.part('a'), stage.part('b', { start: () => Promise.reject(new Error('no')) }), stage.part('c')]
  await assert.rejects(stage.run(parts), /no/)
  assert.deepEqual(stage.events, ['start a', 'start b', 'stop b', 'stop a'])
})

test('a start that hangs keeps neither the signal nor the failure of another part waiting', async () => {
  const stage = new Stage()
  const done = stage.run([stage.part('a'), stage.part('b', { start: () => never })])
  await sleep(5)
  stage.end.abort()
  await done
  assert.deepEqual(stage.events, ['start a', 'start b', 'stop b', 'stop a'])

  const other = new Stage()
  const failed = sleep(5).then(() => Promise.reject(new Error('lost')))
  failed.catch(() => undefined)
  await assert.rejects(other.run([other.part('a', { failed }), other.part('b', { start: () => never })]), /lost/)
  assert.deepEqual(other.events.slice(-2), ['stop b', 'stop a'])
})

test('nothing is started when the signal has ended before', async () => {
  const stage = new Stage()
  stage.end.abort()
  await stage.run([stage.part('a')])
  assert.deepEqual(stage.events, [])
})

test('a part that does not stop cleanly is told, and the others still stop', async () => {
  const stage = new Stage()
  const done = stage.run([stage.part('a'), stage.part('b', { stop: () => Promise.reject(new Error('stuck')) })])
  await sleep(5)
  stage.end.abort()
  await done
  assert.deepEqual(stage.events.slice(-2), ['stop b', 'stop a'])
  assert.deepEqual(stage.warnings, [[{ part: 'b', error: 'Error: stuck' }, 'part did not stop cleanly']])
  assert.deepEqual(stage.told, ['stopping'])
})

test('stopping takes no longer than the grace time, and the part that hangs is named', async () => {
  const stage = new Stage()
  const done = stage.run([stage.part('a'), stage.part('b', { stop: () => never })], 30)
  await sleep(5)
  stage.end.abort()
  await done
  assert.deepEqual(stage.events.at(-1), 'stop b')
  assert.deepEqual(stage.warnings, [[{ graceMs: 30, part: 'b' }, 'did not stop within the grace time']])
})

test('all parts hear of the stop before the first one is stopped', async () => {
  const stage = new Stage()
  const parts = ['a', 'b'].map(name => ({ ...stage.part(name), prepareStop: () => void stage.events.push(`prepare ${name}`) }))
  const done = stage.run([...parts, stage.part('c')])
  await sleep(5)
  stage.end.abort()
  assert.equal(await done, true)
  assert.deepEqual(stage.events.slice(-5), ['prepare a', 'prepare b', 'stop c', 'stop b', 'stop a'])
})

test('says whether all stopped: not if one fails in its stop, not if one is late', async () => {
  for (const stop of [() => Promise.reject(new Error('no')), () => never]) {
    const stage = new Stage()
    const done = stage.run([stage.part('a', { stop })], 20)
    await sleep(5)
    stage.end.abort()
    assert.equal(await done, false)
    assert.ok(!stage.told.includes('stopped cleanly'))
  }
})

/** Watching real processes: what is returned, and how long it waits. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Log } from '../../../../runtime/log.ts'
import { watchProcesses } from '../../../../runtime/processes/watch.ts'
import type { BackOff } from '../../../../runtime/processes/watched-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-watch-'))
after(() => rmSync(folder, { recursive: true }))

/** What a process does when it starts. */
const acts = {
  runs: "process.once('SIGTERM', () => process.exit(0)); process.send({ kind: 'running', port: 1 }); setInterval(() => {}, 1000)",
  refuses: 'process.exit(3)',
  starts: "process.once('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000)",
  fails: "process.once('SIGTERM', () => process.exit(1)); process.send({ kind: 'running', port: 1 }); setInterval(() => {}, 1000)",
  ends: "process.send({ kind: 'running', port: 1 }, () => process.exit(0))",
}

async function watch(
  names: readonly (keyof typeof acts)[],
  backOff: BackOff,
  signal: AbortSignal,
  onWait: (ms: number) => void,
  onInfo: (text: string) => void = () => undefined,
) {
  const launches = names.map((name, i) => {
    const path = join(folder, `${name}.mjs`)
    writeFileSync(path, acts[name])
    return { number: i + 1, script: pathToFileURL(path), args: [], env: {} }
  })
  const log = {
    info: (_fields: object, text: string) => onInfo(text),
    error: () => undefined,
    warn: ({ waitMs }: { waitMs?: number }) => {
      if (waitMs !== undefined) onWait(waitMs)
    },
  } as unknown as Log
  return watchProcesses({
    ...{ launches, log, signal, backOff, graceMs: 10_000 },
    http: { host: '127.0.0.1', port: 0 },
    serve: page => page.start(),
  })
}
const usual: BackOff = { firstMs: 500, longestMs: 30_000, ranLongMs: 60_000 }

test('a process that refuses gives its exit code, though others are still starting', async () => {
  const code = await watch(['runs', 'refuses', 'starts'], usual, AbortSignal.timeout(20_000), () => undefined)
  assert.equal(code, 3)
})

test('a wait before the next start is not time that a process ran', async () => {
  const stop = new AbortController()
  const waits: number[] = []
  const backOff = { firstMs: 1500, longestMs: 60_000, ranLongMs: 2500 }
  await watch(['ends'], backOff, AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]), ms => {
    if (waits.push(ms) === 3) stop.abort()
  })
  assert.deepEqual(waits, [1500, 3000, 6000])
})

test('it stopped cleanly only if all its processes did', async () => {
  for (const [acted, code, clean] of [
    [['runs', 'runs'], 0, true],
    [['runs', 'fails'], 1, false],
  ] as const) {
    const stop = new AbortController()
    const told: string[] = []
    const ended = watch(
      acted,
      usual,
      AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]),
      () => undefined,
      text => {
        told.push(text)
        if (text === 'running') stop.abort()
      },
    )
    assert.equal(await ended, code)
    assert.equal(told.includes('stopped cleanly'), clean)
  }
})

// A range reaches any target once: here files in a folder, by a task that is killed at every point. test/unit/sinks has the tables.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { Folder, insertPoints, type InsertPoint } from '../../../support/files/folder-target.ts'
import { MemoryCluster, type FailurePoint, type MemoryTask } from '../../../../harness/memory-context.ts'

const root = mkdtempSync(join(tmpdir(), 'flowloom-ranges-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** Files are taken away after a minute at the earliest. */
const knownMs = 60_000
/** Seeds of the random histories; one that fails is added here. */
const seeds = [1, 2, 3]
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i + 1}`)
let folders = 0

class Run {
  readonly cluster = new MemoryCluster()
  readonly folder: Folder
  #lines = 0

  constructor(options: { taken: boolean; rangeRows?: number }) {
    const { taken, rangeRows = 10 } = options
    this.folder = new Folder(join(root, String(++folders)), { rangeRows, ...(taken ? { knownMs } : {}) })
  }

  put(count: number): void {
    const records = Array.from({ length: count }, () => ({ key: null, value: Buffer.from(`line ${++this.#lines}`) }))
    this.cluster.append('rawLines', 0, records)
  }

  get total(): number {
    return this.#lines
  }

  start(): Promise<MemoryTask> {
    return this.cluster.startTask(this.folder.role, 0)
  }

  /** Kills the first insert that comes to the point. */
  killAt(point: InsertPoint): void {
    this.folder.atPoint = seen => {
      if (seen !== point) return
      this.folder.atPoint = () => undefined
      throw new Error(`killed at ${point}`)
    }
  }

  /** So much time passes that files are taken away. */
  pass(): void {
    this.cluster.clockMs += knownMs
    this.folder.takeAway()
  }

  async finish(): Promise<void> {
    this.folder.atPoint = () => undefined
    await this.cluster.runRole(this.folder.role)
  }
}

type CommitFailure = Exclude<FailurePoint, 'send'>
const kills: readonly (InsertPoint | CommitFailure)[] = [...insertPoints, 'commit', 'commit-unknown']

/** A zombie wakes while it writes, after its successor has finished and something else has happened; it ends with this code. */
async function wakeBehindSuccessor(run: Run, code: string, afterwards: () => void = () => undefined): Promise<void> {
  run.put(6)
  const zombie = await run.start()
  await zombie.step()
  run.cluster.clockMs += 1000
  let successor: Promise<void> | undefined
  run.folder.atPoint = async point => {
    if (point !== 'written' || successor !== undefined) return
    successor = run.finish()
    await successor
    afterwards()
  }
  await assert.rejects(zombie.tick(), { code })
  assert.deepEqual(run.folder.lines(), names(6))
}

describe('a range of records as a file', () => {
  it('has the name of its token and stands there as a whole', async () => {
    const run = new Run({ taken: false })
    run.put(4)
    await run.finish()
    assert.deepEqual(readdirSync(run.folder.place), [`p.raw-lines.v1_0_0-4@${run.cluster.clockMs}`])
    assert.deepEqual(run.folder.lines(), names(4))
  })

  for (const taken of [false, true])
    for (const kill of kills)
      for (const later of taken ? ['at once', 'after the file was taken away'] : ['at once'])
        for (const call of kill === 'commit' || kill === 'commit-unknown' ? [0, 1] : [0])
          it(`is there once if its task is killed at ${kill} ${call} and comes back ${later}, ${taken ? 'files taken away' : 'files kept'}`, async () => {
            const run = new Run({ taken })
            run.put(4)
            const task = await run.start()
            if (kill === 'commit' || kill === 'commit-unknown') task.context.failAt(kill, call)
            else run.killAt(kill)
            await task.step()
            run.cluster.clockMs += 1000
            await assert.rejects(task.tick())
            run.put(3)
            if (later !== 'at once') run.pass()
            await run.finish()
            assert.deepEqual(run.folder.lines(), names(7))
            // the range was announced unless the first commit failed, and stays pending unless the second one counted
            const pending = !(kill === 'commit' && call === 0) && !(kill === 'commit-unknown' && call === 1)
            assert.equal(run.folder.repeated, pending ? 1 : 0)
            assert.equal(run.folder.looks, pending && later !== 'at once' ? 1 : 0, 'looked for only if it may be forgotten')
            const wasInserted = kill === 'inserted' || (kill === 'commit' && call === 1)
            assert.deepEqual(run.folder.found, run.folder.looks === 0 ? [] : [wasInserted ? 'all' : 'none'])
          })

  it('is there once though a zombie writes it after its successor did', async () => {
    await wakeBehindSuccessor(new Run({ taken: false }), 'TASK_FENCED')
  })

  it('is not written by a zombie that wakes when the file of its successor may have been taken away', async () => {
    const run = new Run({ taken: true })
    await wakeBehindSuccessor(run, 'RANGE_STALE', () => run.pass())
  })

  for (const taken of [false, true])
    for (const seed of seeds)
      it(`has every line once after any kills, ${taken ? 'files taken away' : 'files kept'} (${seed})`, async () => {
        const step = fc.record({
          records: fc.integer({ min: 1, max: 12 }),
          put: fc.integer({ min: 0, max: 6 }),
          passes: fc.boolean(),
          kill: fc.constantFrom<InsertPoint | CommitFailure | 'stops' | 'none'>(...kills, 'stops', 'none', 'none'),
          call: fc.nat(2),
        })
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 15 }), async (steps, rangeRows) => {
            const run = new Run({ taken, rangeRows })
            run.put(20)
            let task = await run.start()
            for (const { records, put, passes, kill, call } of steps) {
              run.put(put)
              if (kill === 'commit' || kill === 'commit-unknown') task.context.failAt(kill, call)
              else if (kill !== 'stops' && kill !== 'none') run.killAt(kill)
              try {
                await task.step(records)
                run.cluster.clockMs += 1000
                await task.tick()
                if (kill === 'stops') {
                  await task.stop()
                  task = await run.start()
                }
              } catch {
                if (passes && taken) run.pass()
                task = await run.start()
              }
            }
            await run.finish()
            assert.deepEqual(run.folder.lines(), names(run.total))
          }),
          { numRuns: 25, seed },
        )
      })
})

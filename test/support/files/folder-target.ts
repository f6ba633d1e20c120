/**
 * A second target of ranges, as small as one can be: a file for each range in a folder, named by its token, written beside its place and
 * renamed. Somebody may take files away to another folder; then the name alone no longer tells whether the range was inserted.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { topicName, topics } from '../../../schemas/topics.ts'
import { InsertPace } from '../../../runtime/ranges/insert-pace.ts'
import { Lanes } from '../../../runtime/ranges/lanes.ts'
import type { RangeInsert, RangeTarget, StoredLook } from '../../../runtime/ranges/range-target.ts'
import { RangeTask, type FoundRows } from '../../../runtime/ranges/range-task.ts'
import { takeRecords } from '../../../runtime/ranges/take-records.ts'
import type { InBatch, InRecord } from '../../../runtime/records.ts'
import type { Role } from '../../../runtime/task.ts'

/** Where an insert can be killed: before it, in the middle of the file, before the rename, after it. */
export const insertPoints = ['known', 'half-written', 'written', 'inserted'] as const
/** One of them. */
export type InsertPoint = (typeof insertPoints)[number]

/** The folder with its two places, and the role that fills it. */
export class Folder {
  readonly role: Role
  readonly found: FoundRows[] = []
  repeated = 0
  looks = 0
  /** Told at each point of an insert; what it throws kills the task there. */
  atPoint: (point: InsertPoint) => Promise<void> | void = () => undefined
  readonly place: string
  readonly #taken: string

  /** @param knownMs Files stay in their place for so long at least; undefined: for ever. */
  constructor(dir: string, { rangeRows, knownMs }: { rangeRows: number; knownMs?: number }) {
    this.place = join(dir, 'incoming')
    this.#taken = join(dir, 'taken')
    for (const path of [this.place, this.#taken]) mkdirSync(path, { recursive: true })
    const counters = {
      repeated: () => {
        this.repeated++
      },
      lookedFor: (found: FoundRows) => {
        this.found.push(found)
      },
    }
    const lanes = new Lanes(2, () => undefined)
    const topic = topicName('p.', topics.rawLines)
    this.role = {
      name: 'files',
      from: 'rawLines',
      to: [],
      createTask: context =>
        new RangeTask(
          context,
          { topic, lanes, rangeRows, pace: new InsertPace(1000), counters },
          new FolderTarget(this, this.#taken, knownMs),
        ),
    }
  }

  /** Takes every file away, as a collector does. */
  takeAway(): void {
    for (const name of this.#files(this.place)) renameSync(join(this.place, name), join(this.#taken, name))
  }

  /** Lines of all files that anybody was given, by the offset at which each file begins. */
  lines(): string[] {
    const files = [this.place, this.#taken].flatMap(path => this.#files(path).map(name => ({ name, path: join(path, name) })))
    const from = (name: string): number => Number(/_(\d+)-\d+@/.exec(name)![1])
    return files.sort((a, b) => from(a.name) - from(b.name)).flatMap(({ path }) => readFileSync(path, 'utf8').split('\n').filter(Boolean))
  }

  #files(path: string): string[] {
    return readdirSync(path).filter(name => !name.startsWith('.'))
  }
}

let writes = 0

/** The files of one partition. */
class FolderTarget implements RangeTarget {
  readonly stored?: StoredLook
  readonly #folder: Folder
  #lines: string[] = []

  constructor(folder: Folder, taken: string, knownMs: number | undefined) {
    this.#folder = folder
    if (knownMs === undefined) return
    this.stored = {
      knownMs,
      leaveOutStored: async token => {
        folder.looks++
        const found = existsSync(join(taken, nameOf(token))) ? this.#lines.length : 0
        if (found > 0) this.#lines = []
        return { found, broken: false }
      },
    }
  }

  get rows(): number {
    return this.#lines.length
  }

  readonly full = false

  take(batch: InBatch, from: number, until: number, room: number): number {
    return takeRecords(this, batch, from, until, room)
  }

  add({ value }: InRecord): boolean {
    if (value !== null) this.#lines.push(value.toString())
    return value !== null
  }

  async insert({ token, assertFresh }: RangeInsert<undefined>): Promise<void> {
    const { place, atPoint } = this.#folder
    await atPoint('known')
    if (this.#lines.length === 0) return
    const beside = join(place, `.${nameOf(token)}.${++writes}`)
    const half = Math.ceil(this.#lines.length / 2)
    writeFileSync(beside, this.#lines.slice(0, half).join('\n'))
    await atPoint('half-written')
    appendFileSync(beside, `\n${this.#lines.slice(half).join('\n')}\n`)
    await atPoint('written')
    assertFresh()
    renameSync(beside, join(place, nameOf(token)))
    await atPoint('inserted')
  }

  clear(): void {
    this.#lines = []
  }
}

/** A token as the name of a file. */
const nameOf = (token: string): string => token.replaceAll(':', '_')

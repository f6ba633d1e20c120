/**
 * Many small worlds in one database, asked about at once. To plan a question of exposure takes the server more than a second, whatever is in
 * the tables; so tests that run side by side (`describe` with a concurrency) share their questions. A world has an account, a VPC, interfaces
 * and an object of its own, so no world shows in what is said of another.
 */
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { CloudMapRun } from '../../../schemas/records.ts'
import { emptyLedger } from '../records/ledger.ts'
import type { LiveClickHouse } from './live-clickhouse.ts'
import { scope, wide } from './seen-records.ts'
import { setUpSink, type SinkSetup } from './sink-setup.ts'

/** Tests of one file that may wait for one question together. */
export const sideBySide = { concurrency: 200 }

/** What is exposed at an address: a row of `exposed_ports_between`. */
export interface ExposedPort {
  readonly evidence: string
  readonly local: string
  /** Null for protocols without ports. */
  readonly local_port: number | null
  /** Protocol and port, or the protocol alone. */
  readonly exposure: string
  readonly remote: string
  readonly country: string
  readonly flows: number
  readonly packets: number
  readonly bytes: number
  readonly inferred: number
  readonly maybe_nat: number
  readonly first_seen: string
}

/** One world. */
export interface World {
  /** Rows of `exposed_ports_between`, of a day unless it is said; in no order. */
  rows(from?: string, to?: string): Promise<ExposedPort[]>
  /** Rows of `exposed_ports`, which has no bounds. */
  allRows(): Promise<ExposedPort[]>
  /** `evidence address port peer`, with what is uncertain about it; sorted. */
  exposures(from?: string, to?: string): Promise<string[]>
}

interface Question {
  readonly account: string
  readonly view: string
  readonly answer: (rows: ExposedPort[]) => void
  readonly fail: (error: unknown) => void
}

/** So long no test asks anything more, in ms: all that run wait for answers. */
const quietMs = 60

/** Takes worlds and questions, and brings and asks all that are there at once. */
export class ExposureWorlds {
  readonly #server: LiveClickHouse
  #sink: SinkSetup | undefined
  #worlds = 0
  #loads: ((sink: SinkSetup) => void)[] = []
  #questions: Question[] = []
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> = Promise.resolve()
  /** Questions that tests asked, and those that the server was asked. */
  readonly counts = { asked: 0, sent: 0 }

  constructor(server: LiveClickHouse) {
    this.#server = server
  }

  /** A world with these records, and runs of the map; `header` is that of its object. */
  world(
    flows: readonly FlowRecord[],
    options: { header?: string; runs?: readonly (readonly [ip: string, run: CloudMapRun])[] } = {},
  ): World {
    const n = ++this.#worlds
    const account = String(100_000_000_000 + n)
    const objectId = Buffer.from(n.toString(16).padStart(16, '0'), 'hex')
    const own = <T extends string | null>(name: T): T | string => (name === null ? name : `${name}-${n}`)
    const records = flows.map((record, i) => ({
      ...record,
      accountId: account,
      vpcId: own(record.vpcId),
      interfaceId: own(record.interfaceId),
      instanceId: own(record.instanceId),
      objectId,
      line: i + 2,
    }))
    this.#loads.push(({ cluster, putFlows }) => {
      putFlows(records)
      cluster.put('objects', { bucket: 'logs', key: `world-${n}` }, { ...emptyLedger, objectId, header: options.header ?? wide })
      for (const [ip, { owner, ...run }] of options.runs ?? []) {
        const mine = { ...owner, vpcId: own(owner.vpcId), interfaceId: own(owner.interfaceId) }
        cluster.put('cloudMapRuns', { scope: own(scope), ip, first: run.validFrom }, { ...run, owner: mine })
      }
    })
    const rows = (from = '2026-11-20 00:00:00', to = '2026-11-21 00:00:00'): Promise<ExposedPort[]> =>
      this.#ask(account, `exposed_ports_between(from = '${from}', to = '${to}')`)
    return {
      rows,
      allRows: () => this.#ask(account, 'exposed_ports'),
      exposures: async (from, to) => (await rows(from, to)).map(said).sort(),
    }
  }

  #ask(account: string, view: string): Promise<ExposedPort[]> {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#work = this.#work.then(() => this.#answerAll())
    }, quietMs)
    this.counts.asked++
    return new Promise((answer, fail) => this.#questions.push({ account, view, answer, fail }))
  }

  async #answerAll(): Promise<void> {
    const questions = this.#questions.splice(0)
    try {
      await this.#bring(this.#loads.splice(0))
      for (const [view, all] of Map.groupBy(questions, question => question.view)) {
        const rows = await this.#rowsOf(view)
        for (const { account, answer } of all) answer(rows.get(account) ?? [])
      }
    } catch (error) {
      for (const { fail } of questions) fail(error)
    }
  }

  async #bring(loads: readonly ((sink: SinkSetup) => void)[]): Promise<void> {
    if (loads.length === 0) return
    this.#sink ??= await setUpSink(this.#server)
    for (const load of loads) load(this.#sink)
    for (const name of ['clickhouse-flows', 'clickhouse-objects', 'clickhouse-runs'])
      await this.#sink.cluster.runRole(this.#sink.role(name))
  }

  async #rowsOf(view: string): Promise<Map<string, ExposedPort[]>> {
    this.counts.sent++
    const text = (column: string): string => `replaceOne(toString(${column}), '::ffff:', '')`
    const rows = await this.#sink!.store.query<ExposedPort & { account_id: string }>(
      `SELECT account_id, evidence, ${text('local_addr')} AS local, local_port, exposure, ${text('remote_addr')} AS remote, toString(country) AS country,
         toUInt32(flows) AS flows, toUInt32(packets) AS packets, toUInt32(bytes) AS bytes, inferred, maybe_nat, toString(first_seen) AS first_seen
       FROM ${view}`,
    )
    return Map.groupBy(rows, row => row.account_id)
  }
}

const said = (row: ExposedPort): string =>
  `${row.evidence} ${row.local} ${row.local_port ?? row.exposure} ${row.remote}${row.inferred === 1 ? ' inferred' : ''}${row.maybe_nat === 1 ? ' maybe_nat' : ''}`

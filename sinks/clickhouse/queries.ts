/** Questions that analysts ask, kept as SQL files; the demo, the audit and the docs use the same ones. */
import { readFileSync } from 'node:fs'
import { ownFile } from '../../runtime/own-files.ts'
import type { Store } from './store.ts'

/** Parameters of each question. */
export interface QueryParameters {
  top_talkers: { from: Date; to: Date; limit: number }
  ssh_from_outside: { from: Date; to: Date; limit: number }
  who_holds: { ip: string; at: Date; owner: string }
  sightings_around: { ip: string; at: Date; scope: string; lines: readonly string[] }
  recorded_at: RecordedScopes & { ip: string; at: Date }
  known_of_day: { at: Date }
  conservation: Record<string, never>
  coverage_flow_logs: CoverageScope & { late_s: number }
  coverage_objects: CoverageScope
  coverage_skips: CoverageScope
  coverage_overlaps: { from: Date; to: Date }
  coverage_nameless: CoverageScope
  coverage_interface: { interface: string; seen_from: Date; seen_to: Date }
  coverage_interface_ever: { interface: string }
  coverage_interface_slots: { from: Date; to: Date; flow_logs: readonly string[] }
  coverage_interface_known: { from: Date; to: Date; flow_logs: readonly string[] }
  coverage_actions: { from: Date; to: Date; flow_logs: readonly string[] }
  coverage_interface_gaps: CoverageScope & { interface: string; before_s: number }
  coverage_interface_at: { interface: string; from: Date; to: Date }
}

/** What the cloud map says of the scopes that know an address; recorded_at.sql says what it makes of them. */
export interface RecordedScopes {
  held: readonly string[]
  /** Of each of `held`: interface of the holder, empty if it has none. */
  held_by: readonly string[]
  /** Of each of `held`: Unix second at which the holder was last seen, -1: nobody knows. */
  held_seen: readonly number[]
  last_known: readonly string[]
}

/** What a question about coverage is about; empty: any. */
export interface CoverageScope {
  from: Date
  to: Date
  account: string
  region: string
  flow_logs: readonly string[]
}

/** Name of a question: a file of queries/. */
export type QueryName = keyof QueryParameters

/** The SQL of a question; `{name:Type}` stands for its parameters. */
export const readQuery = (name: QueryName): string => readFileSync(ownFile(`./queries/${name}.sql`, import.meta.url), 'utf8')

/** Times as text in whole seconds: the server refuses a DateTime parameter with a fraction, and a number of few digits. */
const asText = (parameters: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      value instanceof Date ? value.toISOString().slice(0, 19).replace('T', ' ') : (value as unknown),
    ]),
  )

/** Asks a question. @returns Rows as objects; 64-bit integers are strings. */
export async function ask<T, N extends QueryName = QueryName>(store: Store, name: N, parameters: QueryParameters[N]): Promise<T[]> {
  return store.query<T>(readQuery(name), asText(parameters))
}

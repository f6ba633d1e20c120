/**
 * Many questions of lookup asked at once. To plan a question takes the server a tenth of a second, whatever is in the tables, so tests of hundreds of
 * seconds and addresses ask for all of them in one statement: that of the command, with a table of the questions in the place of its parameters.
 * Some of the questions are asked as the command asks them, too, and must have the same answer.
 */
import assert from 'node:assert/strict'
import { quoted } from '../../../sinks/clickhouse/clickhouse-client.ts'
import { readQuery } from '../../../sinks/clickhouse/queries.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'

type Row = Readonly<Record<string, unknown>>

/** A question that can be asked with others. */
interface Shared {
  readonly sql: string
  /** Name, type and parameter of each column of the table of questions. */
  readonly columns: readonly (readonly [name: string, type: string, parameter: string])[]
  /** The statement for all questions: its rows have `question`, the number of theirs. @param questions The table of them. */
  readonly forAll: (questions: string) => string
}

/** One in so many questions is asked alone, too. */
const askedAlone = 16

const withoutComments = (sql: string): string => sql.replace(/^--.*\n/gm, '')

/** Replaces every place, of which there must be some. */
function replaced(sql: string, ...changes: readonly (readonly [from: string, to: string])[]): string {
  let changed = sql
  for (const [from, to] of changes) {
    assert.ok(changed.includes(from), `the question no longer has ${from}`)
    changed = changed.replaceAll(from, to)
  }
  assert.doesNotMatch(changed, /\{\w+:/, 'the question has a parameter more')
  return changed
}

const at: Shared['columns'][number] = ['asked_at', "DateTime('UTC')", 'at']
const ip: Shared['columns'][number] = ['asked_ip', 'String', 'ip']

function whoHolds(): Shared {
  const sql = readQuery('who_holds')
  return {
    sql,
    columns: [at, ip, ['asked_owner', 'String', 'owner']],
    forAll: questions =>
      replaced(
        withoutComments(sql),
        ['SELECT scope,', 'SELECT question, asked_at, asked_owner, scope,'],
        [
          'FROM cloud_map_timeline\n',
          `FROM (SELECT * FROM cloud_map_timeline WHERE ip IN (SELECT toIPv6(asked_ip) FROM ${questions})) AS timeline CROSS JOIN ${questions} AS q\n`,
        ],
        ['{ip:String}', 'asked_ip'],
        ['GROUP BY scope', 'GROUP BY question, asked_at, asked_owner, scope'],
        ["{at:DateTime('UTC')}", 'asked_at'],
        ['{owner:String}', 'asked_owner'],
      ),
  }
}

function sightingsAround(): Shared {
  const sql = readQuery('sightings_around')
  return {
    sql,
    columns: [at, ip, ['asked_scope', 'String', 'scope'], ['asked_lines', 'Array(String)', 'lines']],
    forAll: questions =>
      replaced(
        withoutComments(sql),
        ['SELECT line,', 'SELECT question, line,'],
        ['SELECT i.interface_id AS line,', 'SELECT question, i.interface_id AS line,'],
        ['SELECT toString(remote_service) AS line,', 'SELECT question, toString(remote_service) AS line,'],
        ['GROUP BY line,', 'GROUP BY question, line,'],
        [
          'f.interface IN (SELECT interface FROM interfaces WHERE interface_id IN {lines:Array(String)} AND scope = {scope:String})',
          'has(asked_lines, i.interface_id) AND i.scope = asked_scope',
        ],
        [
          'AS instance_id FROM interfaces WHERE interface_id IN {lines:Array(String)} AND scope = {scope:String})',
          'AS instance_id, toString(scope) AS scope FROM interfaces)',
        ],
        ['ON f.interface = i.interface\n', `ON f.interface = i.interface CROSS JOIN ${questions} AS q\n`],
        ['FROM flows\n', `FROM flows CROSS JOIN ${questions} AS q\n`],
        ['remote_service IN {lines:Array(String)}', 'has(asked_lines, toString(remote_service))'],
        ["{at:DateTime('UTC')}", 'asked_at'],
        ['{ip:String}', 'asked_ip'],
        ['{scope:String}', 'asked_scope'],
      ),
  }
}

interface Pending {
  readonly parameters: Row
  readonly answer: (rows: readonly Row[]) => void
  readonly fail: (error: unknown) => void
}

const literal = (value: unknown): string => (Array.isArray(value) ? `[${value.map(literal).join(', ')}]` : quoted(String(value)))

/** A row without the columns of the table of questions. */
const ownColumns = (row: Row): Row => Object.fromEntries(Object.entries(row).filter(([name]) => !/^question$|^asked_/.test(name)))
/** Rows in one order. */
const ordered = (rows: readonly Row[]): string[] => rows.map(row => JSON.stringify(row)).sort()

/** The store; questions of lookup that are asked in the same moment go to the server as one. */
export function askingTogether(store: Store): Store {
  const shared = [whoHolds(), sightingsAround()]
  const pending = new Map<Shared, Pending[]>()
  const answer = async (question: Shared, asked: readonly Pending[]): Promise<void> => {
    const { sql, columns, forAll } = question
    const types = columns.map(([name, type]) => `${name} ${type}`).join(', ')
    const values = asked.map(
      ({ parameters }, i) => `(${i}, ${columns.map(([, , parameter]) => literal(parameters[parameter])).join(', ')})`,
    )
    try {
      const rows = await store.query<Row>(forAll(`values(${quoted(`question UInt32, ${types}`)}, ${values.join(', ')})`))
      const byQuestion = Map.groupBy(rows, row => Number(row['question']))
      const answers = asked.map((_, i) => (byQuestion.get(i) ?? []).map(ownColumns))
      for (let i = 0; i < asked.length; i += askedAlone)
        assert.deepEqual(ordered(answers[i]!), ordered(await store.query<Row>(sql, asked[i]!.parameters)), 'asked together and alone')
      asked.forEach(({ answer }, i) => answer(answers[i]!))
    } catch (error) {
      for (const { fail } of asked) fail(error)
    }
  }
  const ask = (question: Shared, parameters: Row): Promise<readonly Row[]> =>
    new Promise((resolve, reject) => {
      const waiting = pending.get(question) ?? []
      waiting.push({ parameters, answer: resolve, fail: reject })
      if (waiting.length > 1) return
      pending.set(question, waiting)
      setImmediate(() => {
        pending.delete(question)
        void answer(question, waiting)
      })
    })
  return {
    database: store.database,
    insert: (...insert) => store.insert(...insert),
    command: sql => store.command(sql),
    close: () => store.close(),
    query: async <T>(sql: string, parameters: Row = {}): Promise<T[]> => {
      const question = shared.find(each => each.sql === sql)
      return question === undefined ? store.query<T>(sql, parameters) : ((await ask(question, parameters)) as T[])
    },
  }
}

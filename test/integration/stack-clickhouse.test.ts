// ClickHouse of the local stack by the real client, without the rest of the stack.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { ChildService } from '../../stack/child-service.ts'
import { clickhouseService } from '../../stack/node-services.ts'
import { freePorts } from '../../stack/ports.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-clickhouse-'))
const { clickhouse: port } = await freePorts()
const url = `http://127.0.0.1:${port}`
const server = new ChildService(clickhouseService({ port, folder }), { logs: folder, run: folder }, () => undefined)
const clickhouse = createClient({ url, log: { level: ClickHouseLogLevel.OFF } })

before(() => server.start())
after(async () => {
  await clickhouse.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('clickhouse', () => {
  const count = async (table: string): Promise<number> => {
    const rows = await clickhouse
      .query({ query: `SELECT count() AS n FROM ${table}`, format: 'JSONEachRow' })
      .then(result => result.json<{ n: string | number }>())
    return Number(rows[0]?.n)
  }
  const native = async (query: string): Promise<Buffer> => buffer((await clickhouse.exec({ query: `${query} FORMAT Native` })).stream)
  const insertNative = async (statement: string, block: Buffer, settings: Record<string, string> = {}): Promise<void> => {
    const { stream } = await clickhouse.exec({
      query: `${statement} FORMAT Native`,
      values: Readable.from([block]),
      clickhouse_settings: settings,
    })
    await buffer(stream)
  }

  it('answers ping and queries with parameters', async () => {
    assert.deepEqual(await clickhouse.ping(), { success: true })
    const result = await clickhouse.query({
      query: 'SELECT {text:String} AS text, {list:Array(UInt8)} AS list, toString(timezone()) AS zone',
      query_params: { text: `it's\t"x"\\`, list: [1, 2] },
      format: 'JSONEachRow',
    })
    assert.deepEqual(await result.json(), [{ text: `it's\t"x"\\`, list: [1, 2], zone: 'UTC' }])
  })

  it('inserts rows of JSON', async () => {
    await clickhouse.command({
      query: 'CREATE TABLE json (a UInt32, b LowCardinality(String), c String DEFAULT upper(b)) ENGINE = MergeTree ORDER BY a',
    })
    await clickhouse.insert({
      table: 'json',
      values: [
        { a: 1, b: 'x' },
        { a: 2, b: 'y' },
      ],
      columns: ['a', 'b'],
      format: 'JSONEachRow',
    })
    await clickhouse.insert({ table: 'json', values: [], format: 'JSONEachRow' })
    const rows = await clickhouse.query({ query: 'SELECT c FROM json ORDER BY a', format: 'JSONEachRow' })
    assert.deepEqual(await rows.json(), [{ c: 'X' }, { c: 'Y' }])
  })

  it('takes Native blocks, and drops a repeated one by its token, given in the statement or as a setting', async () => {
    await clickhouse.command({
      query:
        'CREATE TABLE native (a UInt64, b LowCardinality(String), c IPv6) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100',
    })
    const block = await native(
      `SELECT number AS a, toLowCardinality(toString(number % 300)) AS b, toIPv6('2001:db8::1') AS c FROM numbers(65000)`,
    )
    assert.ok(block.includes('\n') && block.includes(0))
    const inStatement = `INSERT INTO native (a, b, c) SETTINGS insert_deduplication_token = 'one', async_insert = 0`
    await insertNative(inStatement, block)
    assert.equal(await count('native'), 65_000)
    await insertNative(inStatement, block)
    assert.equal(await count('native'), 65_000)
    for (let times = 0; times < 2; times++) await insertNative('INSERT INTO native', block, { insert_deduplication_token: 'two' })
    assert.equal(await count('native'), 130_000)
    await insertNative('INSERT INTO native', block)
    assert.equal(await count('native'), 195_000)
    const sums = await clickhouse.query({ query: 'SELECT uniqExact(b) AS u, any(c) AS c FROM native', format: 'JSONEachRow' })
    assert.deepEqual(await sums.json(), [{ u: 300, c: '2001:db8::1' }])
  })

  it('takes a statement with its rows in one body', async () => {
    await clickhouse.command({ query: 'CREATE TABLE inline (a UInt32, b String) ENGINE = MergeTree ORDER BY a' })
    const post = await fetch(url, {
      method: 'POST',
      body: `INSERT INTO inline FORMAT CSV\n1,"x, FORMAT y"\n2,z\n`,
    })
    assert.equal(post.status, 200)
    assert.equal(await count('inline'), 2)
  })

  it('answers with the code, the type and the status of an error, and takes no row of a broken body', async () => {
    await assert.rejects(clickhouse.query({ query: 'SELECT * FROM nothing' }), { code: '60', type: 'UNKNOWN_TABLE' })
    await assert.rejects(clickhouse.query({ query: 'SELEC 1' }), { code: '62', type: 'SYNTAX_ERROR' })
    const response = await fetch(`${url}/?query=${encodeURIComponent('SELECT * FROM nothing')}`)
    assert.deepEqual([response.status, response.headers.get('x-clickhouse-exception-code')], [404, '60'])
    await clickhouse.command({ query: 'CREATE TABLE strict (a UInt32) ENGINE = MergeTree ORDER BY a' })
    await assert.rejects(clickhouse.insert({ table: 'strict', values: [{ a: 1 }, { a: 'x' }], format: 'JSONEachRow' }))
    assert.equal(await count('strict'), 0)
    // the file goes when the answer has gone
    for (let i = 0; i < 100 && readdirSync(join(folder, 'spool')).length > 0; i++) await sleep(20)
    assert.deepEqual(readdirSync(join(folder, 'spool')), [])
  })

  it('runs queries side by side and answers ping meanwhile', async () => {
    const ended: string[] = []
    const note = (name: string) => () => ended.push(name)
    const query = (text: string): Promise<unknown> => clickhouse.query({ query: text }).then(result => result.text())
    const slow = query('SELECT sleep(1.5)').then(note('slow'))
    await sleep(200)
    await Promise.all([clickhouse.ping().then(note('ping')), query('SELECT 1').then(note('quick'))])
    await slow
    assert.equal(ended.at(-1), 'slow')
  })
})

// Views are files: their order, what makes one be applied again, and what there is of them in migrations.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readMigrations } from '../../../../sinks/clickhouse/migrate.ts'
import { statementsOf } from '../../../../sinks/clickhouse/statements.ts'
import { inOrder, readViews, viewHashes, type View } from '../../../../sinks/clickhouse/views.ts'

/** Migrations that are applied at users: they are never edited. */
const released: Readonly<Record<string, string>> = {
  '0001-tables.sql': '370466de22f9eaf46a1dac5af094d42b142c8a23cb2c59d607493b5d16da53fa',
  '0002-views.sql': 'b18daec5f95ade4e7d958a0296bb6eda25973966c37ddcfc1f27ebb00c40c1b8',
  '0003-dead-letter-replays.sql': '16e2ee5f1a0a7baf7f9119f78a9a8785ed0ae8ddd150e301ae807bd56d1334bd',
  '0004-coverage.sql': 'b3052a1e3e30548a9d2bba31c2a840407440bfb244ab532c599e7dd314313527',
  '0005-overlaps.sql': 'ce8032552d1d00105e2916520c620e1e4f8245e82aeac7d4efb2347c61c6fa4a',
  '0006-bounded-views.sql': 'fe116b165e9a7abcd76a61f54eed5ec71d7ca2f78d4ff47840fdded5423f8a41',
  '0007-compact-parts.sql': 'f6619500752a2d9a4de111e0702531c472b17a25b457fc6b462d575d6f7093ac',
  '0008-versions-that-count.sql': 'c1e47b43c1d9dd01145e09fdcfb7f4cfb7ba177d8c009728f1cf4d5439790a80',
  '0009-answers-once.sql': 'e078623bd096456ab3dba1d957640f9dafec9c825799bf4f5aafba69aa3f657a',
  '0010-owners-between.sql': '2df9de0ddea7bafac91a825cf5a80be0eaf48effa1027bab04e34a00fe943047',
}

/** Views that any release made. One whose file is removed must be named as retired, or it would stay in old databases with an old text. */
const everReleased =
  'flow_log nat_interfaces exposed_ports flow_owners dead_letter_states object_coverage coverage flow_log_presence flow_log_overlaps flows_once nat_interfaces_between exposed_ports_between cloud_map_timeline cloud_map_timeline_between flow_owners_between'.split(
    ' ',
  )

const view = (name: string, ...reads: string[]): View => ({
  name,
  text: `CREATE OR REPLACE VIEW {database}.${name} AS SELECT * FROM ${['numbers(1)', ...reads.map(read => `{database}.${read}`)].join(', ')};\n`,
})
const { files, retired } = readViews()

describe('the order of views', () => {
  it('puts each after those that it reads, however they are named', () => {
    const names = inOrder([view('a', 'c', 'b'), view('b', 'c'), view('c'), view('d', 'some_table')]).map(({ name }) => name)
    assert.deepEqual(names, ['c', 'b', 'a', 'd'])
  })

  it('takes a name for what it is, not for the beginning of another, nor out of a comment', () => {
    const long = { name: 'a_b', text: `-- see {database}.z\n${view('a_b').text}` }
    assert.deepEqual(inOrder([view('z', 'a_b'), long, view('a', 'a_b')]).map(({ name }) => name), ['a_b', 'a', 'z']) // prettier-ignore
  })

  it('names the views of a circle', () => {
    assert.throws(() => inOrder([view('x', 'a'), view('a', 'b'), view('b', 'c'), view('c', 'a')]), /in a circle: a -> b -> c -> a$/)
  })
})

describe('a view is made again', () => {
  const views = inOrder([view('a'), view('b', 'a'), view('c', 'b'), view('d')])
  const before = viewHashes(views, ['tables'])
  const changedBy = (now: readonly View[], tables = ['tables']): string[] =>
    [...viewHashes(now, tables)].filter(([name, hash]) => before.get(name) !== hash).map(([name]) => name)

  it('if its text changed, with all that read it', () => {
    assert.deepEqual(changedBy(views), [])
    assert.deepEqual(changedBy(views.map(each => (each.name === 'b' ? { ...each, text: `${each.text} ` } : each))), ['b', 'c'])
  })

  it('if there was a migration: a view keeps the columns that its tables had', () => {
    assert.deepEqual(changedBy(views, ['tables', 'more']), ['a', 'b', 'c', 'd'])
  })
})

describe('the files of views', () => {
  it('make the view of their name and nothing else', () => {
    for (const { name, text } of files) {
      const [create, ...others] = statementsOf(text, 'db', { deduplicationWindow: 1 })
      assert.match(create!, new RegExp(`^CREATE OR REPLACE VIEW db\\.${name} (?:\\([^;]+\\n\\) )?AS\\s`), name)
      for (const other of others) assert.match(other, new RegExp(`^ALTER TABLE db\\.${name} MODIFY COMMENT '`), name)
      assert.match(text, /^-- /, `${name} says what it is`)
    }
  })

  it('have each view that was ever released, or name it as retired', () => {
    const known = [...files.map(({ name }) => name), ...retired]
    assert.deepEqual(everReleased.filter(name => !known.includes(name)), []) // prettier-ignore
    assert.deepEqual(retired.filter(name => files.some(file => file.name === name)), []) // prettier-ignore
  })

  it('have each rule once: which version counts, what is private, what is exposed', () => {
    const all = files.map(({ text }) => text).join('\n')
    for (const [rule, times] of [
      [/ORDER BY is_done DESC, written DESC/g, 1],
      [/groupBitOr\(sign\)/g, 1],
      [/10\.0\.0\.0|fc00::|172\.16\./g, 0],
    ] as const)
      assert.equal(all.match(rule)?.length ?? 0, times, String(rule))
  })
})

describe('migrations', () => {
  it('that were released are what they were, byte for byte', () => {
    const now = Object.fromEntries(readMigrations().map(({ name, hash }) => [name, hash]))
    for (const [name, hash] of Object.entries(released)) assert.equal(now[name], hash, name)
  })

  it('after those make and drop no view', () => {
    for (const { name, text } of readMigrations().filter(migration => !(migration.name in released)))
      assert.doesNotMatch(text, /\bVIEW\b|MODIFY COMMENT/, name)
  })
})

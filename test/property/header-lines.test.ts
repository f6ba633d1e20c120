/** Which columns make a flow log: every choice of documented fields, and nothing of which they are the smaller part. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readPlainly } from '../../audit/plain-reader.ts'
import { readParquetPlainly } from '../../audit/plain-parquet.ts'
import { isColumnLine, isHeader } from '../../producers/s3/text/header-line.ts'
import { findFlowField, flowFields } from '../../flow/fields.ts'
import { parquetObject } from '../support/files/parquet-object.ts'

const documented = fc.shuffledSubarray(
  flowFields.map(({ name }) => name),
  { minLength: 1 },
)
const unknown = fc
  .uniqueArray(fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/), { maxLength: 60 })
  .map(names => names.filter(name => findFlowField(name) === undefined))
const columns = fc
  .tuple(fc.option(documented, { freq: 5 }), unknown, fc.nat())
  .filter(([known, others]) => (known?.length ?? 0) + others.length > 0)
  .chain(([known, others]) => {
    const all = [...(known ?? []), ...others]
    return fc.shuffledSubarray(all, { minLength: all.length }).map(names => ({ names, known: known?.length ?? 0 }))
  })

const plainly = (names: readonly string[]): boolean => readPlainly(Buffer.from(names.join(' ')), 100_000).ok

test('every subset and order of documented fields is a flow log', () => {
  fc.assert(
    fc.property(documented, names => {
      const underscored = names.map(name => name.replaceAll('-', '_'))
      for (const each of [names, underscored])
        assert.deepEqual([isHeader(each.join(' '), null), isColumnLine(each.join(' '), null), plainly(each)], [true, true, true])
    }),
    { numRuns: 500 },
  )
})

test('with other columns beside them it is one where they are at least the half', () => {
  fc.assert(
    fc.property(columns, ({ names, known }) => {
      const is = known > 0 && 2 * known >= names.length
      assert.deepEqual([isHeader(names.join(' '), null), isColumnLine(names.join(' '), null), plainly(names)], [is, is, is])
    }),
    { numRuns: 500 },
  )
})

test('the audit says the same of Parquet', async () => {
  for (const [names, is] of [
    [['action'], true],
    [['action', 'user'], true],
    [['action', 'user', 'note'], false],
    [['user'], false],
  ] as const)
    assert.equal((await readParquetPlainly(parquetObject(names, [names.map(() => '-')]), 1000)).ok, is, names.join())
})

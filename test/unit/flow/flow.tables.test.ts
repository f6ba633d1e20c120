// Each row of the tables of flow/ is carried from text to the topic, to the columns of the store and to the reference page: one new row is all.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attributeRows } from '../../../flow/attributes.ts'
import { flowFields } from '../../../flow/fields.ts'
import { optionalNumbers } from '../../../flow/numbers.ts'
import { sensorFields } from '../../../flow/observers.ts'
import { addColumn, columnName, flowColumns, observerColumns, type StoreColumn } from '../../../flow/store-columns.ts'
import { traitFields, traitKind } from '../../../flow/traits.ts'
import { flowLogView } from '../../../reference/flow-log-view.ts'
import { fieldsPage } from '../../../reference/fields-page.ts'
import { absentBits, remoteBits } from '../../../sinks/clickhouse/columns/absent-bits.ts'
import { FlowDecoder } from '../../../sinks/clickhouse/columns/flow-decoder.ts'
import { FlowBlockEncoder, observerBlock } from '../../../sinks/clickhouse/flow-block.ts'
import { readMigrations } from '../../../sinks/clickhouse/migrate.ts'
import { NativeWriter } from '../../../sinks/clickhouse/native-writer.ts'
import { codecs } from '../../../harness/enrich-blocks.ts'
import { valueAt, walkedRecords } from '../../support/records/flow-walk.ts'
import { readNative, type NativeCell } from '../../support/records/native-rows.ts'

const records = walkedRecords()

/** Columns of a table as the migrations leave them: the type, and what follows it. */
function columnsOf(table: string): Map<string, string> {
  const columns = new Map<string, string>()
  for (const { text } of readMigrations()) {
    for (const [, body] of text.matchAll(new RegExp(`CREATE TABLE IF NOT EXISTS \\{database\\}\\.${table} \\((.*?)\\n\\)`, 'gs')))
      for (const [, name, rest] of body!.matchAll(/^ {2}(\w+) (.+?),?$/gm)) columns.set(name!, rest!)
    for (const [, body] of text.matchAll(new RegExp(`ALTER TABLE \\{database\\}\\.${table}\\s(.*?);\\n`, 'gs')))
      for (const [, name, rest] of body!.matchAll(/(?:ADD|MODIFY) COLUMN (?:IF NOT EXISTS )?(\w+) (.+?)(?:,\n|$)/gs))
        columns.set(name!, rest!)
  }
  return columns
}

describe('the tables of flow/', () => {
  it('are carried from text into the topic, row by row', () => {
    for (const { bytes, walked } of records) {
      const record = codecs.flows.decodeValue(bytes)
      for (const { row, record: place, value } of walked) assert.equal(valueAt(record, place), value, `${row} is not carried to ${place}`)
    }
    const seen = new Set(records.flatMap(({ walked }) => walked.filter(({ value }) => value !== null).map(({ record }) => record)))
    const all = [
      ...flowFields.map(({ record }) => record),
      ...attributeRows.flatMap(({ name }) => [`src${name}`, `dst${name}`]),
      ...optionalNumbers.map(({ record }) => record),
      ...sensorFields.map(({ name }) => `sensor.${name}`),
      'origin',
    ]
    assert.deepEqual(
      all.filter(record => !seen.has(record)),
      [],
    )
  })

  it('are carried from the topic into the columns of the store, row by row', () => {
    for (const { bytes, walked } of records) {
      const decoder = new FlowDecoder(codecs.flows, 1000)
      decoder.takeValue(bytes)
      assert.equal(decoder.unfit, 0)
      const [flow] = readNative(new FlowBlockEncoder().encode(new NativeWriter(), decoder).bytes) as [Record<string, NativeCell>]
      const [observer] = readNative(observerBlock(new NativeWriter(), decoder.observers.fresh).bytes) as [Record<string, NativeCell>]
      const valueOf = (record: string): string | number | null => walked.find(one => one.record === record)?.value ?? null
      const check = ({ table, name, record }: StoreColumn, value: string | number | null, absent: NativeCell): void => {
        const cell = (table === 'flows' ? flow : observer)[name]
        const expected = value ?? absent
        assert.equal(typeof cell === 'bigint' ? Number(cell) : cell, expected, `${record} is not carried to ${table}.${name}`)
      }
      for (const column of observerColumns) check(column, valueOf(column.record), column.type === 'String' ? '' : null)
      for (const column of flowColumns) {
        const trait = traitFields.find(({ record }) => record === column.record)
        const value = valueOf(column.record)
        if (trait?.kept.symbols !== undefined) check(column, trait.kept.symbols.indexOf(String(value)) + 1, 0)
        else if (column.type.startsWith('Nullable')) {
          if (value === null) assert.ok(!(column.name in flow), `${column.name} is in a block that has no value of it`)
          else check(column, value, null)
        } else if (trait !== undefined || column.record.startsWith('nextHop.'))
          check(column, value, column.type.startsWith('UInt') ? 0 : '')
        else {
          // on egress the source is local
          const side = column.name.startsWith('local_') === (flow['direction'] !== 1) ? 'src' : 'dst'
          const attribute = walked.find(one => one.record === `${side}${column.record.slice(3)}`)
          if (attribute !== undefined) check(column, attribute.value, '')
        }
      }
    }
  })

  it('have a column in the view and a line on the reference page', () => {
    const view = flowLogView()
    const page = fieldsPage()
    for (const { row, view: column, record } of records.flatMap(({ walked }) => walked)) {
      if (column !== undefined) assert.match(view, new RegExp(` AS ${column},?\\n`), `${row} is not in flow_log`)
      assert.ok(page.includes(`\`${record.split('.')[0]!}`), `${row} is not on the reference page`)
    }
    for (const { name, record, doc } of flowFields)
      assert.ok(page.includes(`| \`${name}\` `) && page.includes(`\`${record}\` | ${doc}`), name)
  })

  it('have a column in the tables, of their type', () => {
    const missing: string[] = []
    for (const column of [...observerColumns, ...flowColumns]) {
      const there = columnsOf(column.table).get(column.name)
      if (there === undefined) missing.push(addColumn(column))
      else
        assert.ok(
          `${there} `.replace(/,/g, ' ').startsWith(`${column.type.replace(/,/g, ' ')} `),
          `${column.table}.${column.name} is ${there}`,
        )
    }
    assert.deepEqual(missing, [], `add to a new migration in schemas/clickhouse/:\n${missing.join('\n')}\n`)
  })

  it('say each absent value in one way of their own', () => {
    for (const field of traitFields.filter(one => traitKind(one) === 'number'))
      assert.ok(
        (field.kept.absentBit === undefined) === (field.kept.isNeverZero === true),
        `${field.name} needs an absentBit or isNeverZero`,
      )
    const ofSides = (bit: number | undefined): number[] => (bit === undefined ? [] : [1 << bit, remoteBits(1 << bit)])
    const { packets, bytes, servicePort, localPort, localAddr, localPkt, localPktUnspecified } = absentBits
    const bits = [
      ...[packets, bytes, servicePort],
      ...[localPort, localAddr, localPkt, localPktUnspecified].flatMap(bit => [bit, remoteBits(bit)]),
      ...traitFields.flatMap(({ kept }) => (kept.absentBit === undefined ? [] : [1 << kept.absentBit])),
      ...attributeRows.flatMap(({ absentBit, unloggedBit }) => [...ofSides(absentBit), ...ofSides(unloggedBit)]),
    ]
    assert.deepEqual(
      bits.filter((bit, i) => bits.indexOf(bit) !== i || bit <= 0),
      [],
      'bits that two rows take',
    )
  })

  it('keep the order of columns that dictionaries rely on', () => {
    // short hashes of observers are made of the first two texts
    assert.deepEqual(
      observerColumns.slice(0, 2).map(({ name }) => name),
      ['account_id', 'interface_id'],
    )
    assert.equal(new Set([...flowColumns, ...observerColumns].map(({ name }) => name)).size, flowColumns.length + observerColumns.length)
    assert.equal(columnName(flowFields.find(({ name }) => name === 'encryption-status')!), 'encryption')
  })
})

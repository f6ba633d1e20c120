import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { configuredTables } from '../../../../../processors/enrich/lookups/configured-tables.ts'
import { LookupTables } from '../../../../../processors/enrich/lookups/lookup-tables.ts'
import { loadTable } from '../../../../../processors/enrich/lookups/table-loader.ts'
import { parseIpv4 } from '../../../../../flow/address-text.ts'
import type { Log } from '../../../../../runtime/log.ts'
import { writeMmdb, writeNode } from '../../../../support/files/mmdb-writer.ts'

const directory = mkdtempSync(join(tmpdir(), 'flowloom-reload-'))
after(() => rmSync(directory, { recursive: true }))
const write = (name: string, content: string | Buffer): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const settings = { country: 'none', asn: 'none', threats: [] as string[], reloadMs: 1, dictionaryEntries: 1024 }

/** Tables with a log that is kept. */
function opened(change: Partial<typeof settings>): {
  tables: LookupTables
  warnings: string[]
  refused: string[]
  loaded: (readonly string[])[]
  next: () => Promise<void>
} {
  const warnings: string[] = []
  const refused: string[] = []
  const loaded: (readonly string[])[] = []
  const log = {
    info: () => undefined,
    warn: ({ err, first }: { err?: Error; first?: string }) => warnings.push(err?.message ?? first!),
  } as unknown as Log
  const tables = new LookupTables({ ...settings, ...change }, log, {
    onChange: (_tables, names) => loaded.push(names),
    onRefused: table => refused.push(table),
  })
  let nowMs = 0
  return {
    tables,
    warnings,
    refused,
    loaded,
    async next() {
      await tables.refresh(nowMs)
      await tables.settled()
      nowMs += 10
    },
  }
}
const countryOf = ({ current }: LookupTables, ip: string): string | undefined =>
  current.texts.texts[current.columns.Country![current.ranges.country!.find4(parseIpv4(ip)!)]!]

const mmdb = (code: string): ReturnType<typeof writeMmdb> =>
  writeMmdb({ ipVersion: 4, recordSize: 24, networks: [{ bits: '00000001', record: { country: { iso_code: code } } }] })

void describe('lookup tables of which a file changes', () => {
  void it('a damaged mmdb file leaves the good table in force, and is not tried again until it changes', async () => {
    const path = write('country.mmdb', mmdb('AU').bytes)
    const { tables, warnings, refused, next } = opened({ country: path })
    await next()
    assert.equal(countryOf(tables, '1.2.3.4'), 'AU')
    const bad = Buffer.from(mmdb('BR').bytes)
    writeNode(bad, 0, 24, 0, 0)
    writeFileSync(path, bad)
    await next()
    assert.deepEqual(warnings, [`cannot read the country table ${path}: its search tree is damaged: node 0 is reached twice`])
    assert.deepEqual(refused, ['country'])
    assert.equal(countryOf(tables, '1.2.3.4'), 'AU')
    await next()
    await next()
    assert.equal(warnings.length, 1)
    writeFileSync(path, mmdb('DE').bytes)
    utimesSync(path, 5, 5)
    await next()
    assert.equal(countryOf(tables, '1.2.3.4'), 'DE')
    assert.equal(warnings.length, 1)
  })

  void it('a table that is refused does not hold up the others', async () => {
    const country = write('both.csv', '1.0.0.0/24,AU\n')
    const threats = write('both.txt', '9.9.9.9\n')
    const { tables, warnings, next } = opened({ country, threats: [`list=${threats}`] })
    await next()
    writeFileSync(country, 'nonsense')
    writeFileSync(threats, '9.9.9.9\n8.9.9.9\n')
    await next()
    const { current } = tables
    assert.equal(countryOf(tables, '1.0.0.1'), 'AU')
    assert.equal(current.texts.texts[current.columns.Threat![current.ranges.threat!.find4(parseIpv4('8.9.9.9')!)]!], 'list')
    assert.equal(warnings.length, 1)
  })

  void it('a table that is still refused is not among those that are loaded when another one changes', async () => {
    const country = write('still.csv', '1.0.0.0/24,AU\n')
    const threats = write('still.txt', '9.9.9.9\n')
    const { refused, loaded, next } = opened({ country, threats: [`list=${threats}`] })
    await next()
    writeFileSync(country, 'nonsense')
    await next()
    writeFileSync(threats, '9.9.9.9\n8.9.9.9\n')
    await next()
    writeFileSync(country, '1.0.0.0/24,NZ\n')
    await next()
    assert.deepEqual(refused, ['country'])
    assert.deepEqual(loaded, [['country', 'threat'], ['threat'], ['country']])
  })

  void it('a file that goes leaves the table in force, and one that comes back is read', async () => {
    const path = write('gone.csv', '1.0.0.0/24,AU\n')
    const { tables, warnings, next } = opened({ country: path })
    await next()
    rmSync(path)
    await next()
    await next()
    assert.deepEqual(warnings, [`cannot read the country table ${path}: there is no such file`])
    assert.equal(countryOf(tables, '1.0.0.1'), 'AU')
    writeFileSync(path, '1.0.0.0/24,NZ\n')
    await next()
    assert.equal(countryOf(tables, '1.0.0.1'), 'NZ')
  })

  void it('another file in its place is read, though it has the same size and time', async () => {
    const path = write('moved.csv', '1.0.0.0/24,AU\n')
    utimesSync(path, 7, 7)
    const { tables, next } = opened({ country: path })
    await next()
    const other = write('other.csv', '1.0.0.0/24,NZ\n')
    utimesSync(other, 7, 7)
    assert.notEqual(statSync(other).ino, statSync(path).ino)
    renameSync(other, path)
    await next()
    assert.equal(countryOf(tables, '1.0.0.1'), 'NZ')
  })

  void it('lines that were left out are said once, with the first of them', async () => {
    const lines = Array.from({ length: 200 }, (_, i) => `1.0.${i}.0/24,AU\n`)
    const { warnings, next } = opened({ country: write('left-out.csv', [...lines, '2.0.0.0/24,Peru\n'].join('')) })
    await next()
    await next()
    assert.deepEqual(warnings, ['line 201 (not a country of two letters): 2.0.0.0/24,Peru'])
  })
})

/** A tar archive of files. */
function tar(entries: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(entries).flatMap(([name, content]) => {
    const header = Buffer.alloc(512)
    header.write(name)
    header.write(`${content.length.toString(8).padStart(11, '0')} `, 124)
    header.write('0', 156)
    header.write('ustar\0', 257)
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

void describe('files as they are downloaded', () => {
  const text = Buffer.from('licence')
  void it('reads the one database in a .tar.gz of MaxMind', async () => {
    const archive = gzipSync(
      tar({ 'GeoLite2-Country_20261127/COPYRIGHT.txt': text, 'GeoLite2-Country_20261127/GeoLite2-Country.mmdb': mmdb('AU').bytes }),
    )
    const { tables, next } = opened({ country: write('GeoLite2-Country.tar.gz', archive) })
    await next()
    assert.equal(countryOf(tables, '1.2.3.4'), 'AU')
  })
  void it('says of other archives what to do', async () => {
    const fault = async (content: Buffer): Promise<unknown> =>
      opened({ country: write('archive', content) })
        .next()
        .then(
          () => 'read',
          (error: unknown) => (error as Error).message.split(': ').slice(1).join(': '),
        )
    const archive = tar({ 'COPYRIGHT.txt': text })
    assert.equal(await fault(archive), 'it is a tar archive with 0 .mmdb files in it: unpack it and name the file that is meant')
    assert.equal(
      await fault(gzipSync(tar({ 'a.mmdb': text, 'b.mmdb': text }))),
      'it is a tar archive with 2 .mmdb files in it: unpack it and name the file that is meant',
    )
    assert.equal(await fault(tar({ 'a.mmdb': Buffer.alloc(5000) }).subarray(0, 3000)), 'it is a tar archive that is damaged or cut off')
    assert.equal(await fault(gzipSync(archive).subarray(0, 60)), 'its gzip data is cut off')
    const damaged = Buffer.from(gzipSync(Buffer.from('1.0.0.0/24,AU\n')))
    damaged.fill(255, 12, 20)
    assert.equal(await fault(damaged), 'its gzip data is damaged')
  })
})

void describe('the thread that loads tables', () => {
  const [country, asn] = configuredTables({ threats: [], reloadMs: 0, dictionaryEntries: 1024 })
  void it('leaves the event loop to others', async () => {
    const before = performance.eventLoopUtilization()
    let ticks = 0
    const heartbeat = setInterval(() => ticks++, 10)
    const result = await loadTable(country!)
    clearInterval(heartbeat)
    const { utilization } = performance.eventLoopUtilization(before)
    assert.ok('compiled' in result)
    assert.ok(ticks > 5 && utilization < 0.5, `${ticks} heartbeats, ${utilization}`)
  })
  void it('is ended when it takes too long or too much memory, which is a fault of its files', async () => {
    const slow = await loadTable(asn!, { limits: { heapMb: 1024, timeMs: 40 } })
    assert.ok('faults' in slow)
    assert.deepEqual(
      slow.faults.map(({ detail }) => detail),
      ['it was not read within 40 ms', 'it was not read within 40 ms'],
    )
    const large = await loadTable(asn!, { limits: { heapMb: 16, timeMs: 60_000 } })
    assert.ok('faults' in large)
    assert.equal(large.faults[0]!.detail, 'reading it takes more than 16 MB of memory')
  })
})

void describe('lookup tables that are loaded the first time', () => {
  const path = write('first.csv', '1.0.0.0/24,AU\n')
  const begin = (): { tables: LookupTables; told: string[] } => {
    const told: string[] = []
    const log = { info: (_fields: object, text: string) => told.push(text), warn: () => undefined } as unknown as Log
    return { tables: new LookupTables({ ...settings, country: path }, log, { onChange: () => undefined }), told }
  }

  void it('are told of before and after', async () => {
    const { tables, told } = begin()
    await tables.refresh(0)
    assert.deepEqual(told, ['lookup tables are being loaded; no line is read before', 'lookup table loaded', 'lookup tables are loaded'])
  })

  void it('are waited for as long as the caller wants, and given up when nobody waits any more', async () => {
    const { tables, told } = begin()
    const [first, second] = [new AbortController(), new AbortController()]
    const waits = [tables.refresh(0, first.signal), tables.refresh(0, second.signal)]
    first.abort()
    await waits[0]
    second.abort()
    await waits[1]
    assert.equal(told.length, 1, 'the two share one load')
    await tables.refresh(0, second.signal)
    assert.equal(told.length, 1, 'a caller that has ended begins nothing')
    await tables.refresh(0)
    assert.equal(countryOf(tables, '1.0.0.1'), 'AU')
    assert.deepEqual(told.slice(1), [
      'lookup tables are being loaded; no line is read before',
      'lookup table loaded',
      'lookup tables are loaded',
    ])
  })

  void it('one that goes leaves the load to the others', async () => {
    const { tables, told } = begin()
    const stop = new AbortController()
    const waits = [tables.refresh(0, stop.signal), tables.refresh(0)]
    stop.abort()
    await Promise.all(waits)
    assert.equal(countryOf(tables, '1.0.0.1'), 'AU')
    assert.equal(told.length, 3)
  })
})

import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { readPlainly } from '../../../../audit/plain-reader.ts'
import { totalOf } from '../../../../schemas/tally.ts'
import { badLineKinds } from '../../../../producers/synthetic/bad-lines.ts'
import { generateObjects, type GenerateOptions, type SyntheticObject } from '../../../../producers/synthetic/generate-objects.ts'
import { logFormats } from '../../../../producers/synthetic/log-format.ts'
import { uploadObjects } from '../../../../producers/synthetic/upload-objects.ts'
import { parseObjectName } from '../../../../schemas/object-name.ts'

const startS = Date.parse('2026-11-24T11:02:03Z') / 1000
const generate = (options: Partial<GenerateOptions> = {}): SyntheticObject[] => [
  ...generateObjects({ seed: 7, records: 8000, startS, slots: 8, ...options }),
]

/** Rows of an object by column name. */
function rowsOf(object: SyntheticObject): Record<string, string>[] {
  const [header = '', ...lines] = gunzipSync(object.body).toString().trimEnd().split('\n')
  const names = header.split(' ')
  return lines.map(line => Object.fromEntries(line.split(' ').map((value, index) => [names[index], value])))
}

test('the same seed gives the same objects, another seed others', () => {
  const texts = (seed: number): string[] => generate({ seed }).map(object => `${object.key} ${gunzipSync(object.body).toString()}`)
  assert.deepEqual(texts(7), texts(7))
  assert.notDeepEqual(texts(7), texts(8))
})

test('the manifest agrees with a plain count of each object, bad lines included', () => {
  for (const badLineShare of [0, 0.05]) {
    for (const object of generate({ badLineShare })) {
      const { tally, ok } = readPlainly(object.body, 65_536) as { ok: boolean; tally: object }
      assert.ok(ok)
      assert.deepEqual(tally, object.manifest, object.key)
    }
  }
})

test('every kind of bad line occurs and is dead, and blank lines are blank', () => {
  for (const kind of badLineKinds) {
    const { dead, blank } = totalOf(generate({ badLineShare: 0.02, badLines: [kind] }).map(object => object.manifest))
    if (kind === 'blank') assert.ok(blank > 50 && dead === 0)
    else assert.ok(dead > 50 && blank === 0, kind)
  }
})

test('gives exactly the records that were asked for, in objects of bounded size', () => {
  const objects = generate({ records: 7777, recordsPerObject: 100, badLineShare: 0.1 })
  const { lines, headers, blank } = totalOf(objects.map(object => object.manifest))
  assert.equal(lines - headers - blank, 7777)
  assert.ok(objects.every(object => object.manifest.lines - object.manifest.blank <= 101))
  assert.equal(new Set(objects.map(object => object.key)).size, objects.length)
})

test('keys say account, region, flow log and slot in all four layouts', () => {
  const objects = generate({ prefix: 'logs/vpc' })
  const layouts = new Set<string>()
  for (const { key } of objects) {
    const name = parseObjectName(key)
    assert.ok(name.accountId !== null && name.region !== null && name.flowLogId !== null && name.slotStart !== null, key)
    assert.equal(name.slotStart % 300, 0)
    layouts.add(key.replace(/[^/]*$/, '').replace(/[0-9]+/g, '0'))
  }
  assert.equal(new Set([...layouts].map(layout => `${layout.includes('=')} ${layout.split('/').length}`)).size, 4)
  assert.ok(objects.every(({ key }) => key.startsWith('logs/vpc/AWSLogs/')))
})

test('every format is there, and its records end within the slot of the object', () => {
  const seen = new Set<string>()
  for (const object of generate()) {
    const rows = rowsOf(object)
    seen.add(Object.keys(rows[0]!).join(' '))
    const slot = parseObjectName(object.key).slotStart!
    for (const row of rows)
      assert.ok(Number(row['end']) >= slot && Number(row['end']) < slot + 300 && Number(row['start']) <= Number(row['end']))
  }
  assert.deepEqual(
    [...seen].sort(),
    Object.values(logFormats)
      .map(names => names.join(' '))
      .sort(),
  )
})

test('has what real logs have: both ends, NAT, scans, remote login, services, IPv6, gaps, and an address that changes hands', () => {
  const rows = generate({ records: 20_000, formats: ['v5-full'] }).flatMap(rowsOf)
  const some = (name: string, is: (row: Record<string, string>) => boolean): void => assert.ok(rows.some(is), name)
  some('NAT hairpin', row => row['instance-id'] === '-' && row['srcaddr'] !== row['pkt-srcaddr'])
  some('NAT hairpin, other side', row => row['instance-id'] === '-' && row['dstaddr'] !== row['pkt-dstaddr'])
  some('scan', row => row['action'] === 'REJECT' && row['tcp-flags'] === '2')
  some(
    'scan of a NAT gateway, which accepts and drops',
    row =>
      row['action'] === 'ACCEPT' &&
      row['tcp-flags'] === '2' &&
      row['instance-id'] === '-' &&
      row['flow-direction'] === 'ingress' &&
      row['dstport'] === '22',
  )
  some(
    'SSH to the bastion',
    row =>
      row['action'] === 'ACCEPT' && row['dstport'] === '22' && row['flow-direction'] === 'ingress' && !row['srcaddr']!.startsWith('10.'),
  )
  some('S3 through a gateway endpoint', row => row['pkt-dst-aws-service'] === 'S3' && row['traffic-path'] === '7')
  some('IPv6', row => row['type'] === 'IPv6' && isIP(row['srcaddr']!) === 6)
  some('ICMP', row => row['protocol'] === '1' && row['srcport'] === '0')
  some('NODATA', row => row['log-status'] === 'NODATA' && row['srcaddr'] === '-')
  some('SKIPDATA', row => row['log-status'] === 'SKIPDATA')
  const inside = new Map<string, Set<string>>()
  for (const row of rows) {
    if (row['log-status'] !== 'OK' || row['srcport'] === '0') continue
    const flow = [row['vpc-id'], row['srcaddr'], row['srcport'], row['dstaddr'], row['dstport'], row['start']].join(' ')
    inside.set(flow, (inside.get(flow) ?? new Set()).add(row['interface-id']!))
  }
  assert.ok([...inside.values()].filter(seen => seen.size === 2).length > 1000, 'conversations seen from both interfaces')
  const owners = new Map<string, Set<string>>()
  for (const row of rows) {
    const near = row['flow-direction'] === 'egress' ? row['srcaddr'] : row['dstaddr']
    if (row['log-status'] === 'OK')
      owners.set(`${row['vpc-id']} ${near}`, (owners.get(`${row['vpc-id']} ${near}`) ?? new Set()).add(row['interface-id']!))
  }
  assert.ok(
    [...owners.values()].some(seen => seen.size > 1),
    'an address with two owners',
  )
  assert.ok(new Set([...owners.keys()].map(name => name.split(' ')[1])).size < owners.size, 'addresses that overlap between VPCs')
})

test('uploads everything, so many at a time, and begins nothing after an abort', async () => {
  const numbers = Array.from({ length: 20 }, (_, i) => i)
  const stop = new AbortController()
  const uploadAll = async (until: number): Promise<{ stored: number[]; most: number }> => {
    const stored: number[] = []
    let [under, most] = [0, 0]
    const put = async (number: number): Promise<void> => {
      most = Math.max(most, ++under)
      await setImmediate()
      under--
      if (stored.push(number) === until) stop.abort()
    }
    await uploadObjects(put, numbers, { concurrency: 3, signal: stop.signal })
    return { stored, most }
  }
  assert.deepEqual(await uploadAll(Infinity), { stored: numbers, most: 3 })
  assert.deepEqual((await uploadAll(4)).stored, numbers.slice(0, 6))
})

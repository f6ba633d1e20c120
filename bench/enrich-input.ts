/** Seeded v5 rows for the benchmarks of enrich: 648 interfaces, about 18,000 addresses, 0.4 % IPv6, all 29 fields. */
import { fullV5Format } from '../flow/fields.ts'
import { seeded } from '../harness/direction-scenarios.ts'

/** Blocks of lines with their header line. */
export interface BenchInput {
  readonly header: string
  readonly blocks: readonly Buffer[]
  readonly rows: number
}

/**
 * Makes rows.
 *
 * @param order `aws`: the order of the AWS table; `alphabetical`: what the console emits for "select all".
 */
export function generateRows(rows: number, order: 'aws' | 'alphabetical' = 'aws', blockBytes = 262_144): BenchInput {
  const next = seeded(20_240_501)
  const pick = (count: number): number => Math.floor(next() * count)
  const hex = (length: number): string => Array.from({ length }, () => pick(16).toString(16)).join('')
  const vpcs = Array.from({ length: 6 }, () => ({ vpc: `vpc-${hex(17)}`, subnets: Array.from({ length: 6 }, () => `subnet-${hex(17)}`) }))
  const interfaces = Array.from({ length: 648 }, (_, i) => {
    const { vpc, subnets } = vpcs[i % 6]!
    return {
      account: `12345678901${i % 3}`,
      eni: `eni-${hex(17)}`,
      vpc,
      subnet: subnets[(i % 36) % 6]!,
      instance: i % 9 === 0 ? '-' : `i-${hex(17)}`,
      az: `use1-az${1 + (i % 6)}`,
      ip: `10.${i % 6}.${i >> 4}.${10 + (i % 16)}`,
    }
  })
  const peers = Array.from({ length: 17_300 }, () =>
    next() < 0.004 ? `2600:1f18:${hex(4)}:${hex(4)}::${1 + pick(9)}` : `${20 + pick(180)}.${pick(256)}.${pick(256)}.${1 + pick(254)}`,
  )
  const services = new Set(peers.slice(0, peers.length / 20))
  const ports = [443, 443, 443, 80, 53, 22, 3306, 5432, 6379, 8080]
  const sorted = [...fullV5Format].sort()
  const columns = order === 'aws' ? fullV5Format : sorted
  const lines: string[] = []
  for (let row = 0; row < rows; row++) {
    const point = interfaces[pick(648)]!
    const egress = next() < 0.5
    // an address is of AWS or it is not: a twentieth of the peers is S3
    const peer = next() < 0.25 ? interfaces[pick(648)]!.ip : peers[pick(peers.length)]!
    const service = ports[pick(ports.length)]!
    const client = 1024 + pick(64_000)
    const start = 1_700_000_000 + Math.floor(row / 5000) + pick(60)
    const packets = 1 + pick(400)
    const [src, dst] = egress ? [point.ip, peer] : [peer, point.ip]
    const aws = services.has(peer) ? 'S3' : '-'
    const values: Record<string, string | number> = {
      version: 5,
      'account-id': point.account,
      'interface-id': point.eni,
      srcaddr: src,
      dstaddr: dst,
      srcport: egress ? client : service,
      dstport: egress ? service : client,
      protocol: service === 53 ? 17 : 6,
      packets: packets,
      bytes: packets * (40 + pick(1400)),
      start: start,
      end: start + pick(60),
      action: next() < 0.95 ? 'ACCEPT' : 'REJECT',
      'log-status': 'OK',
      'vpc-id': point.vpc,
      'subnet-id': point.subnet,
      'instance-id': point.instance,
      'tcp-flags': service === 53 ? 0 : [2, 3, 18, 19, 0, 1, 6, 7][pick(8)]!,
      type: peer.includes(':') ? 'IPv6' : 'IPv4',
      'pkt-srcaddr': src,
      'pkt-dstaddr': dst,
      region: 'us-east-1',
      'az-id': point.az,
      'sublocation-type': '-',
      'sublocation-id': '-',
      'pkt-src-aws-service': egress ? '-' : aws,
      'pkt-dst-aws-service': egress ? aws : '-',
      'flow-direction': egress ? 'egress' : 'ingress',
      'traffic-path': egress ? [1, 7, 8][pick(3)]! : '-',
    }
    lines.push(columns.map(name => values[name]).join(' '))
  }
  const blocks: Buffer[] = []
  let from = 0
  let size = 0
  lines.forEach((line, i) => {
    size += line.length + 1
    if (size < blockBytes && i + 1 < lines.length) return
    blocks.push(Buffer.from(`${lines.slice(from, i + 1).join('\n')}\n`))
    from = i + 1
    size = 0
  })
  return { header: columns.join(' '), blocks, rows }
}

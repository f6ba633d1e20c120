/** Small random networks: interfaces, who holds which address when, and how the flow logs write. Nothing here knows the product. */
import { Random, seedOf } from '../../../producers/synthetic/random.ts'

/** What an interface is. Instances alone have an instance id; a former one ends early, and its address goes to somebody outside. */
export type Role = 'instance' | 'former' | 'forwarder' | 'nat' | 'regional-nat' | 'keeping-balancer' | 'replacing-balancer'

/** A network interface. */
export interface Eni {
  readonly role: Role
  /** Interface id, or the id of a regional NAT gateway. */
  readonly id: string
  readonly instanceId: string
  /** Its address of each family; IPv6 only if the VPC has some. */
  readonly v4: string
  readonly v6: string | undefined
  /** Secondary addresses of its own. */
  readonly secondary: readonly string[]
  /** Pods behind it. */
  readonly pods: readonly string[]
  /** Seconds in which it exists. */
  readonly from: number
  readonly to: number
}

/** A flow log: columns in order. */
export interface FlowLog {
  readonly id: string
  readonly columns: readonly string[]
}

/** One network: a VPC in an account of its own. */
export interface Network {
  readonly seed: number
  readonly accountId: string
  readonly region: string
  readonly vpcId: string
  /** Its IPv4 range is not one of RFC 1918. */
  readonly routable: boolean
  readonly enis: readonly Eni[]
  readonly flowLogs: readonly FlowLog[]
  /** First second, a multiple of 300, and how long it is watched. */
  readonly startS: number
  readonly lengthS: number
}

/** The 14 columns of the default format. */
const v2 = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'.split(' ')
const later = [
  'vpc-id',
  'subnet-id',
  'instance-id',
  'tcp-flags',
  'type',
  'pkt-srcaddr',
  'pkt-dstaddr',
  'region',
  'az-id',
  'pkt-src-aws-service',
  'pkt-dst-aws-service',
  'flow-direction',
  'traffic-path',
]
const newest = ['resource-id', 'interface-type']

function columnsOf(random: Random): readonly string[] {
  switch (random.below(8)) {
    case 0:
      return v2
    case 1:
    case 2:
      return [...v2, ...later]
    case 3:
    case 4:
      return [...v2, ...later, ...newest]
    default: {
      const chosen = [...v2, ...[...later, ...newest].filter(() => random.below(3) !== 0)]
      // AWS writes columns in the order that was asked for
      return random.below(2) === 0 ? chosen : chosen.sort(() => random.share() - 0.5)
    }
  }
}

const day = Date.parse('2026-11-20T00:00:00Z') / 1000

/** Networks of seeds from here on are watched over midnight (UTC), and an address changes hands around it. */
export const midnightSeeds = 1_000_000
/** The midnight (UTC) that such networks are watched over, Unix seconds. */
export const midnight = day + 86_400

/** Makes the network of a seed. */
export function networkOf(seed: number): Network {
  const random = new Random(seedOf('planted-truth', seed))
  const routable = random.below(3) === 0
  const hasV6 = random.below(2) === 0
  const uniqueLocal = random.below(4) === 0
  const [a, b] = [random.below(200), random.below(250)]
  const net = routable ? `44.${a}.${b}` : random.pick([`10.${a}.${b}`, `172.${16 + (a % 16)}.${b}`, `192.168.${b}`])
  const net6 = `${uniqueLocal ? 'fd12:3456' : '2600:1f18'}:${(0x1000 + a * 256 + b).toString(16)}:${(1 + random.below(4000)).toString(16)}:`
  const usualS = day + 3600 + 300 * random.below(200)
  const lengthS = random.pick([900, 1500, 2700, 7200])
  const overMidnight = seed >= midnightSeeds
  const startS = overMidnight ? midnight - 300 * (1 + random.below(lengthS / 300 - 1)) : usualS
  let host = 10
  const eni = (role: Role, from = startS, to = startS + lengthS, v4?: string): Eni => {
    host += 1 + random.below(5)
    const runs = role === 'instance' || role === 'forwarder'
    const id = role === 'regional-nat' ? `nat-1${random.hex(16)}` : `eni-0${random.hex(16)}`
    const podNet = random.pick([net, `100.64.${b}`])
    return {
      role,
      id,
      instanceId: runs ? `i-0${random.hex(16)}` : '-',
      v4: v4 ?? `${net}.${host}`,
      v6: hasV6 && runs && v4 === undefined ? `${net6}:${host.toString(16)}` : undefined,
      secondary: role === 'instance' && v4 === undefined && random.below(3) === 0 ? [`${net}.${100 + host}`] : [],
      pods: role === 'instance' && v4 === undefined && random.below(3) === 0 ? [`${podNet}.${180 + (host % 60)}`] : [],
      from,
      to,
    }
  }
  const enis = [eni('instance'), eni('instance'), eni('instance')]
  if (random.below(2) === 0) enis.push(eni('nat'))
  if (random.below(8) === 0) enis.push(eni('regional-nat'))
  if (random.below(3) === 0) enis.push(eni('keeping-balancer'))
  if (random.below(3) === 0) enis.push(eni('replacing-balancer'))
  if (random.below(3) === 0) enis.push(eni('forwarder'))
  if (random.below(3) === 0) {
    // an address changes hands: the old interface ends, a new one has it a while later
    const cut = startS + Math.floor(lengthS / 2)
    const old = eni('instance', startS, cut - 1)
    enis.push(old, eni('instance', cut + random.pick([0, 60, 400, 900]), startS + lengthS, old.v4))
  }
  if (overMidnight) {
    // the old interface ends before, at or after midnight; the new one comes at once, or a while later
    const cut = Math.max(startS + 400, Math.min(startS + lengthS - 400, midnight + random.pick([-600, -61, -1, 0, 0, 1, 59, 300])))
    const old = eni('instance', startS, cut - 1)
    enis.push(old, eni('instance', cut + random.pick([0, 0, 1, 60]), startS + lengthS, old.v4))
  }
  // a number of its own, so that the networks of before are what they were
  const later = new Random(seedOf('former', seed))
  if (routable && lengthS >= 2700 && later.below(2) === 0)
    enis.push({
      role: 'former',
      id: `eni-0${later.hex(16)}`,
      instanceId: `i-0${later.hex(16)}`,
      v4: `${net}.${245 + later.below(5)}`,
      v6: undefined,
      secondary: [],
      pods: [],
      from: startS,
      to: startS + 599,
    })
  return {
    seed,
    accountId: String(100_000_000_000 + seed),
    region: 'eu-central-1',
    vpcId: `vpc-0${seed.toString(16).padStart(16, '0')}`,
    routable,
    enis,
    flowLogs: Array.from({ length: random.below(4) === 0 ? 2 : 1 }, (_unused, i) => ({
      id: `fl-0${seed.toString(16).padStart(15, '0')}${i}`,
      columns: columnsOf(random),
    })),
    startS,
    lengthS,
  }
}

/** One account and region with its VPC: subnets and interfaces by role. Everything follows from the seed and the slot. */
import { Random, seedOf } from './random.ts'

/** What an interface is for. */
export type InterfaceRole = 'web' | 'app' | 'db' | 'nat' | 'bastion'

/** A network interface at a time. */
export interface Eni {
  readonly role: InterfaceRole
  readonly id: string
  /** `-` for the NAT gateway, which AWS manages. */
  readonly instanceId: string
  readonly subnetId: string
  readonly azId: string
  readonly address: string
  /** Only web servers have one. */
  readonly address6: string
}

/** One account and region. */
export interface Site {
  readonly accountId: string
  readonly region: string
  readonly vpcId: string
  readonly flowLogId: string
}

/** Slots after which an app server is replaced by another that takes over its address. */
const appLifeSlots = 6

const counts: Readonly<Record<InterfaceRole, number>> = { web: 6, app: 18, db: 4, nat: 1, bastion: 1 }
const firstHost: Readonly<Record<InterfaceRole, number>> = { web: 10, app: 20, db: 50, nat: 220, bastion: 5 }
const regionCodes: Readonly<Record<string, string>> = {
  'us-east-1': 'use1',
  'us-west-2': 'usw2',
  'eu-west-1': 'euw1',
  'eu-central-1': 'euc1',
  'ap-southeast-2': 'apse2',
}

/** Makes a site. All VPCs use 10.0.0.0/16: the same private address means another host in each. */
export function createSite(seed: number, accountId: string, region: string): Site {
  const random = new Random(seedOf(seed, accountId, region))
  return { accountId, region, vpcId: `vpc-0${random.hex(16)}`, flowLogId: `fl-0${random.hex(16)}` }
}

/**
 * The interfaces of a site in a slot. App servers come and go: from slot to slot some hand their address to a new instance; all others stay.
 *
 * @param slot Number of the 5-minute slot since 1970.
 */
export function interfacesAt(seed: number, site: Site, slot: number): Readonly<Record<InterfaceRole, readonly Eni[]>> {
  const code = regionCodes[site.region] ?? site.region.replace(/(\w\w)-(\w)\w*-(\d)/, '$1$2$3')
  const make = (role: InterfaceRole): Eni[] =>
    Array.from({ length: counts[role] }, (_unused, index) => {
      const life = role === 'app' ? Math.floor((slot + index) / appLifeSlots) : 0
      const random = new Random(seedOf(seed, site.vpcId, role, index, life))
      const subnet = (role === 'app' || role === 'db' ? 2 : 0) + (index % 2)
      const host = firstHost[role] + index
      return {
        role,
        id: `eni-0${random.hex(16)}`,
        instanceId: role === 'nat' ? '-' : `i-0${random.hex(16)}`,
        subnetId: `subnet-0${new Random(seedOf(site.vpcId, subnet)).hex(16)}`,
        azId: `${code}-az${1 + (index % 2)}`,
        address: `10.0.${subnet}.${host}`,
        address6:
          role === 'web'
            ? `2600:1f18:${(parseInt(site.vpcId.slice(5, 8), 16) * 16 + 1).toString(16)}:${subnet + 1}::${host.toString(16)}`
            : '-',
      }
    })
  return { web: make('web'), app: make('app'), db: make('db'), nat: make('nat'), bastion: make('bastion') }
}

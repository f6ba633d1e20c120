/** The setting `networks.own` as rows of the table `own_networks`, so that views can ask what is ours. */
import { isIP } from 'node:net'
import { identifier, quoted } from './clickhouse-client.ts'
import type { Store } from './store.ts'

/** An entry of `networks.own`: for all records, or for those of some accounts and VPCs. */
export type OwnNetworkEntry =
  | string
  | { readonly cidrs: readonly string[]; readonly accounts?: readonly string[] | undefined; readonly vpcs?: readonly string[] | undefined }

/** A network for one account and VPC; empty text: any. */
interface OwnNetworkRow {
  readonly cidr: string
  readonly account: string
  readonly vpc: string
}

/** Columns of the table `own_networks`. */
export const ownNetworkColumns = ['set_at', 'cidr', 'first', 'last', 'account_id', 'vpc_id'] as const

const any = ['']

function rowsOf(own: readonly OwnNetworkEntry[]): OwnNetworkRow[] {
  return own.flatMap(entry => {
    const { cidrs, accounts = any, vpcs = any } = typeof entry === 'string' ? { cidrs: [entry] } : entry
    return cidrs.flatMap(cidr => accounts.flatMap(account => vpcs.map(vpc => ({ cidr, account, vpc }))))
  })
}

/** IPv4 lies in IPv6 as `::ffff:a.b.c.d`, as in all tables. */
function rangeOf(cidr: string): string {
  const [address, bits] = cidr.split('/') as [string, string]
  return `IPv6CIDRToRange(toIPv6(${quoted(address)}), ${isIP(address) === 4 ? Number(bits) + 96 : Number(bits)})`
}

/**
 * Writes the networks as the newest set; an equal one is not written again.
 *
 * @throws FlowError CLICKHOUSE_UNAVAILABLE, CLICKHOUSE_REFUSED.
 */
export async function recordOwnNetworks(store: Store, own: readonly OwnNetworkEntry[]): Promise<void> {
  const rows = rowsOf(own)
  const key = (row: OwnNetworkRow): string => [row.cidr, row.account, row.vpc].join(' ')
  const known = await store.query<OwnNetworkRow>(
    'SELECT cidr, account_id AS account, vpc_id AS vpc FROM own_networks WHERE set_at = (SELECT max(set_at) FROM own_networks)',
  )
  const wanted = [...new Set([...rows.map(key), key({ cidr: '', account: '', vpc: '' })])].sort()
  if (known.length === 0 && rows.length === 0) return
  if (wanted.join('\n') === known.map(key).sort().join('\n')) return
  // the row without a network makes a set of no networks a set
  const selects = [
    "SELECT '' AS cidr, tuple(toIPv6('::'), toIPv6('::')) AS range, '' AS account_id, '' AS vpc_id",
    ...new Set(rows.map(row => `SELECT ${quoted(row.cidr)}, ${rangeOf(row.cidr)}, ${quoted(row.account)}, ${quoted(row.vpc)}`)),
  ]
  await store.command(
    `INSERT INTO ${identifier(store.database)}.own_networks (${ownNetworkColumns.join(', ')})
     SELECT now64(3, 'UTC'), cidr, range.1, range.2, account_id, vpc_id FROM (${selects.join(' UNION ALL ')})`,
  )
}

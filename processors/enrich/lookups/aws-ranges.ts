/** The `ip-ranges.json` that AWS publishes: which service has which prefix. */
import { errorText } from '../../../runtime/errors.ts'
import { addPrefix } from './address-prefix.ts'
import { excerpt, LineCount, LookupFault } from './lookup-fault.ts'
import { readersOf } from './attribute-readers.ts'
import type { EntryPool } from './entry-pool.ts'
import type { RangeBuilder } from './range-builder.ts'

/** AMAZON holds everything, EC2 what customers run; the other services are told from them. */
const classOf = (service: string): number => (service === 'AMAZON' ? 0 : service === 'EC2' ? 1 : 2)

/** Behind every letter: of two names one of which begins with the other, the longer one comes first. */
const sortable = (service: string): string => `${service}\uffff`

/**
 * Services in the order in which they give way to each other where they share a prefix: AMAZON, EC2, then the others from the last name of the
 * alphabet to the first, a name that begins with another behind it (CLOUDFRONT_ORIGIN_FACING wins over CLOUDFRONT).
 */
export function servicesByRank(services: Iterable<string>): string[] {
  return [...new Set(services)].sort(
    (a, b) => classOf(a) - classOf(b) || (sortable(a) > sortable(b) ? -1 : sortable(a) < sortable(b) ? 1 : 0),
  )
}

interface Entry {
  readonly prefix: unknown
  readonly service: unknown
  /** All that the file says of it. */
  readonly record: Readonly<Record<string, unknown>>
}

/**
 * Reads `ip-ranges.json`: the most specific prefix wins, of services with one prefix the one of the higher rank, whatever their order in the
 * file.
 *
 * @returns Date of the data as ISO 8601, undefined if it is not understood; entries.
 * @throws LookupFault if the text is not that file.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html
 */
export function readAwsRanges(text: string, builder: RangeBuilder, entries: EntryPool): { date: string | undefined; count: LineCount } {
  const file = parse(text)
  const listed = [...entriesOf(file['prefixes'], 'ip_prefix'), ...entriesOf(file['ipv6_prefixes'] ?? [], 'ipv6_prefix')]
  const readers = readersOf('aws')
  const ranks = new Map(
    servicesByRank(listed.flatMap(({ service }) => (typeof service === 'string' ? [service] : []))).map((name, i) => [name, i]),
  )
  const count = new LineCount()
  for (const { prefix, service, record } of listed) {
    count.lines++
    const isAdded =
      typeof prefix === 'string' &&
      typeof service === 'string' &&
      addPrefix(builder, prefix, entries.idOf(readers.map(({ entry }) => entry(record))), ranks.get(service))
    if (!isAdded) count.refuse(count.lines, JSON.stringify({ prefix, service }), 'counted over both lists: no prefix or no service')
  }
  count.check()
  const created = file['createDate']
  const date = /^(\d{4})-(\d{2})-(\d{2})-(\d{2})-(\d{2})-(\d{2})$/.exec(typeof created === 'string' ? created : '')
  return { date: date === null ? undefined : `${date[1]!}-${date[2]!}-${date[3]!}T${date[4]!}:${date[5]!}:${date[6]!}Z`, count }
}

function parse(text: string): Record<string, unknown> {
  let file: unknown
  try {
    file = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw new LookupFault(`it is not JSON (${excerpt(errorText(error))}); expected is the ip-ranges.json of AWS`, { cause: error })
  }
  if (typeof file === 'object' && file !== null && Array.isArray((file as Record<string, unknown>)['prefixes']))
    return file as Record<string, unknown>
  throw new LookupFault('it has no list `prefixes`; expected is the ip-ranges.json of AWS')
}

function entriesOf(list: unknown, key: string): Entry[] {
  if (!Array.isArray(list)) throw new LookupFault(`its list of \`${key}\` is not a list; expected is the ip-ranges.json of AWS`)
  return (list as unknown[]).map(entry => {
    const record = typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : {}
    return { prefix: record[key], service: record['service'], record }
  })
}

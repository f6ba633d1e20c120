/** Names of columns that AWS never wrote: the documented one that was meant, and what a record loses without it. */
import { findFlowField, flowFields } from '../../../flow/fields.ts'

/** Names that other tools give to the fields of flow logs, without the signs between their words. */
const otherNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    starttime: 'start',
    startts: 'start',
    endtime: 'end',
    endts: 'end',
    sourceaddress: 'srcaddr',
    sourceip: 'srcaddr',
    srcip: 'srcaddr',
    destinationaddress: 'dstaddr',
    destaddr: 'dstaddr',
    destinationip: 'dstaddr',
    dstip: 'dstaddr',
    sourceport: 'srcport',
    destinationport: 'dstport',
    destport: 'dstport',
    numpackets: 'packets',
    numbytes: 'bytes',
    account: 'account-id',
    accountnumber: 'account-id',
    eniid: 'interface-id',
    status: 'log-status',
    direction: 'flow-direction',
  }),
)

const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

const byBareName = new Map(flowFields.map(({ name }) => [bare(name), name]))

/** True if one letter more, less, other, or two in the other order make one word of the other. */
function isOneOff(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let from = 0
  while (from < a.length && a[from] === b[from]) from++
  const rest = (skipA: number, skipB: number): boolean => a.slice(from + skipA) === b.slice(from + skipB)
  return rest(1, 1) || rest(1, 0) || rest(0, 1) || (a[from] === b[from + 1] && a[from + 1] === b[from] && rest(2, 2))
}

/**
 * The documented field that a name means, if the name itself is not documented: one that differs in signs, case or a letter, or is known under this
 * name elsewhere. Names that only resemble one are left alone: AWS adds fields.
 */
export function meantField(name: string): string | undefined {
  if (findFlowField(name) !== undefined) return undefined
  const word = bare(name)
  const same = byBareName.get(word) ?? otherNames.get(word)
  if (same !== undefined || word.length < 4) return same
  for (const [other, field] of byBareName) if (other.length >= 4 && isOneOff(word, other)) return field
  return undefined
}

/** What to say of a name that means another one. */
const hint = (name: string, field: string): string => `${name} is not a flow log field; did you mean ${field}?`

/** What is wrong with names of columns: one sentence for each that means a documented field which is not there. */
export function nameHints(names: readonly string[]): string[] {
  const present = new Set(names.map(name => findFlowField(name)?.name))
  return names.flatMap(name => {
    const field = meantField(name)
    return field === undefined || present.has(field) ? [] : [hint(name, field)]
  })
}

const addresses = ['srcaddr', 'dstaddr', 'pkt-srcaddr', 'pkt-dstaddr']
const times = ['start', 'end']

/**
 * What flows of these columns cannot have: addresses, or times; with the names that were meant. Undefined: nothing to warn of. One address is
 * missed only if another column means it: a format may leave it out.
 *
 * @param header Header line.
 * @param hasSlot True if the object key says a time, which stands in for that of a record.
 */
export function columnWarning(header: string, hasSlot: boolean): string | undefined {
  const names = header.trim().split(/ +/)
  const present = new Set(names.map(name => findFlowField(name)?.name))
  const hints = nameHints(names)
  const meant = new Set(names.map(meantField))
  const lacks: string[] = []
  // one address under another name is lost as a value, though the log has it
  const lost = addresses.filter(name => meant.has(name) && !present.has(name))
  if (!addresses.some(name => present.has(name))) lacks.push('no column srcaddr or dstaddr')
  else if (lost.length > 0) lacks.push(`no column ${lost.join(' or ')}`)
  if (!times.some(name => present.has(name)) && (!hasSlot || times.some(name => meant.has(name)))) lacks.push('no column start or end')
  return lacks.length === 0 ? undefined : [lacks.join(', '), ...hints].join('; ')
}

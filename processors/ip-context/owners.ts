/** What makes two owners the same one, and what describes them. */
import type { Owner } from '../../schemas/records.ts'

const attributes = ['interfaceType', 'subnetId', 'vpcId', 'accountId', 'region', 'azId'] as const
const separator = '\u0000'

/** Longest text of an owner, in bytes: an AWS id has at most 40. Bounds the size of every record that names owners. */
export const ownerTextBytes = 64

/** Interface and service: one line of owners, whose instance may be known or not. */
export const lineOf = (owner: Owner): string => (owner.interfaceId ?? '') + separator + (owner.service ?? '')

/** Interface, service and instance. The other attributes only describe an owner. Sorts as the text of the interface. */
export const identityOf = (owner: Owner): string => lineOf(owner) + separator + (owner.instanceId ?? '')

/** An owner in texts that people read: the interface and, after a space, its instance; else the service. */
export const nameOf = ({ interfaceId, service, instanceId }: Owner): string =>
  `${interfaceId ?? service ?? ''}${instanceId === null ? '' : ` ${instanceId}`}`

/** Identity and attributes. */
export const ownerText = (owner: Owner): string => identityOf(owner) + separator + attributes.map(name => owner[name] ?? '').join(separator)

/** Joins what two formats say of one owner, in any order: of each attribute the greatest text. Gives the very first one back if nothing is new. */
export function mergeOwners(a: Owner, b: Owner): Owner {
  let merged = a
  for (const name of attributes) {
    const other = b[name]
    const own = merged[name]
    if (other === null || (own !== null && other <= own)) continue
    if (merged === a) merged = { ...a }
    merged[name] = other
  }
  return merged
}

/** False for an owner with a text that nothing of AWS has; it would make records too large. */
export function isPlausible(owner: Owner): boolean {
  for (const text of Object.values(owner))
    if (text !== null && text.length * 3 > ownerTextBytes && Buffer.byteLength(text) > ownerTextBytes) return false
  return true
}

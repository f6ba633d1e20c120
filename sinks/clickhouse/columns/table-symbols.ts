/** Values of enums of the table `flows` that are not symbols of the record: other fields of the record say them. */

/** `direction_source` own_network: what `directionBy` says of a direction that is inferred. */
export const ownNetwork = 4
/** `time_source` start, which end follows: as `timeKept` says. */
export const firstKept = 3
/** `service_port_source` none. */
export const noPort = 0
/** `service_port_source` tcp_flags, which inferred follows: as in the record, where none is null. */
export const firstPortSource = 1
/** `service_port_source` inferred. */
export const inferredPort = 2

const ownNetworkText = new TextEncoder().encode('own_network')

/** True if the text of `directionBy` says that own networks decided. */
export function isOwnNetwork(bytes: Uint8Array, at: number, length: number): boolean {
  if (length !== ownNetworkText.length) return false
  for (let i = 0; i < length; i++) if (bytes[at + i] !== ownNetworkText[i]) return false
  return true
}

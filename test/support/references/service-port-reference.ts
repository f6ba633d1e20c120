/** Which of two ports is the service, computed the plain way. Only the names of ports are the product's own data. */
import { tcpServices, udpServices } from '../../../processors/enrich/lookups/service-names.ts'

/** The service port of a record and where it comes from. */
export function servicePortOf(
  protocol: number | null,
  flags: number | null,
  source: number | null,
  destination: number | null,
): { servicePort: number | null; servicePortSource: string | null } {
  const none = { servicePort: null, servicePortSource: null }
  if (protocol === null || ![6, 17, 33, 132].includes(protocol)) return none
  const has = (bit: number): boolean => flags !== null && Math.floor(flags / bit) % 2 === 1
  if (protocol === 6 && has(2)) {
    const port = has(16) ? source : destination
    return port === null ? none : { servicePort: port, servicePortSource: 'tcp_flags' }
  }
  const ports = [source, destination].filter(port => port !== null)
  if (ports.length === 0) return none
  const named = ports.filter(port => (protocol === 17 ? udpServices : tcpServices)[port] !== 0)
  return { servicePort: named.length === 1 ? named[0]! : Math.min(...ports), servicePortSource: 'inferred' }
}

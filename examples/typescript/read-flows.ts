/** Prints enriched flows as they come: who talked to whom, how much, and which side is ours. */
import { counted, readOptions, readTopic, type Decoded } from './connect.ts'

/** The fields that this example uses; docs/reference/fields.md has all of them. */
interface Flow {
  start: number
  interfaceId: string | null
  direction: 'unknown' | 'ingress' | 'egress'
  action: 'ACCEPT' | 'REJECT' | null
  srcAddr: string | null
  pktSrcAddr: string | null
  srcCountry: string | null
  dstAddr: string | null
  pktDstAddr: string | null
  dstCountry: string | null
  serviceName: string | null
  packets: number | null
  bytes: number | null
}

const options = readOptions(process.env, 'read-flows.ts [options]: enriched flows as they come')
let flows = 0
let bytes = 0
const onRecord = ({ value }: Decoded<unknown, Flow>): void => {
  if (value === null) return
  flows++
  bytes += value.bytes ?? 0
  // behind NAT the packet addresses are the true ends
  const from = value.pktSrcAddr ?? value.srcAddr ?? '-'
  const to = value.pktDstAddr ?? value.dstAddr ?? '-'
  const time = new Date(value.start * 1000).toISOString()
  console.log(
    `${time} ${value.interfaceId ?? '-'} ${value.direction} ${value.action ?? '-'} ${from} -> ${to} ${value.serviceName ?? '-'} ${counted(value.bytes ?? 0, 'byte')}`,
  )
}
const onEnd = (): void => {
  if (!options.exitAtEnd) console.error(`${counted(flows, 'flow')} so far; still following, Ctrl+C ends it`)
}

await readTopic<unknown, Flow>(options, `${options.prefix}flows.v1`, { onRecord, onEnd })
console.log(`${counted(flows, 'flow')}, ${counted(bytes, 'byte')}`)

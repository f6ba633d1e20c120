/** Keeps the current cloud map in memory from the compacted topic and says who holds an address: `cloud-map.ts 10.0.1.5 [scope]`. */
import { counted, readOptions, readTopic, type Decoded } from './connect.ts'

interface AddressKey {
  scope: string
  ip: string
}

/** The fields that this example uses; docs/reference/topics.md has all of them. */
interface Entry {
  current: { interfaceId: string | null; instanceId: string | null; service: string | null } | null
  currentSince: number | null
  lastSeen: number | null
}

const options = readOptions(process.env, 'cloud-map.ts [options] [IP [SCOPE]]: who holds an address, from the compacted cloud map')
const [ip, scope] = options.rest
const map = new Map<string, Entry>()
/** What was told of an address last: a record that only moves `lastSeen` is not news. */
const told = new Map<string, string>()

const time = (seconds: number | null): string => (seconds === null ? '-' : new Date(seconds * 1000).toISOString())
const tell = (key: AddressKey, { current, currentSince, lastSeen }: Entry): void => {
  if ((ip !== undefined && key.ip !== ip) || (scope !== undefined && key.scope !== scope)) return
  const holder = current?.service ?? [current?.interfaceId, current?.instanceId].filter(name => name != null).join(' ')
  const name = `${key.scope} ${key.ip}`
  const news = `${name} ${holder} since ${time(currentSince)}`
  if (told.get(name) === news) return
  told.set(name, news)
  console.log(`${news} last seen ${time(lastSeen)}`)
}

const onRecord = ({ key, value }: Decoded<AddressKey, Entry>): void => {
  // restore barriers of flowloom are tombstones of this scope
  if (key.scope === '__barrier') return
  const name = `${key.scope} ${key.ip}`
  if (value === null) {
    map.delete(name)
    told.delete(name)
  } else map.set(name, value)
  // without an end, every change is told as it comes
  if (!options.exitAtEnd && value !== null) tell(key, value)
}

const onEnd = (): void => {
  if (options.exitAtEnd)
    for (const [name, entry] of [...map].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const [keyScope, keyIp] = name.split(' ')
      tell({ scope: keyScope!, ip: keyIp! }, entry)
    }
  if (ip !== undefined && told.size === 0) console.log(`${ip} is not known${scope === undefined ? '' : ` in ${scope}`}`)
  console.log(counted(map.size, 'address', 'addresses'))
  if (!options.exitAtEnd) console.error('still following, Ctrl+C ends it')
}

await readTopic<AddressKey, Entry>(options, `${options.prefix}cloud-map.v2`, { onRecord, onEnd })

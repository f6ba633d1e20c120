/** `flowloom lookup`: who holds or held an address. */
import { isIP } from 'node:net'
import { loadConfig } from '../config/config.ts'
import { lookUp } from '../operations/look-up.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command } from './arguments/command.ts'
import { parseSecond } from './arguments/times.ts'
import { askedText, blankText, describeHolder, lookUpJson, nobodyText, onTheWayLines, recordedText } from './print/holder.ts'
import { formatJson } from './print/json.ts'

/** Exit code for what the tables cannot tell, as that of `coverage`. */
const unknown = 4

/** The command. */
export const lookupCommand: Command = {
  name: 'lookup',
  summary: 'who holds an address now, or held it at a time',
  words: '<ip>',
  options: {
    config: configOption,
    at: { type: 'string', value: 'TIME', doc: 'ISO 8601 with a time of day (UTC if no zone is given) or Unix seconds; default now' },
    'no-kafka': { type: 'boolean', doc: 'do not ask Kafka: whether records are on their way stays unknown' },
    json: { type: 'boolean', doc: 'print JSON' },
  },
  details: `Addresses repeat between VPCs, so there is one answer per scope: VPC, else account/region, else aws.
held: seen at that time, or at most 10 minutes before. It says when it was last seen, and if that was before, when next. Of several that came and
went within 10 minutes the answer is the one who came last; one that only goes on after another was there counts from when it is seen again.
ambiguous: others were seen with the address too, or may have been seen later.
last-known: not seen for more than 10 minutes; the answer says when it was seen before and next, and by whom.
recorded: flows show the address at an interface, and do not prove that it holds it, or are not in the cloud map yet. In a scope without a holder
they are those of that day (UTC), or of the 10 minutes before if another scope has one and the map does not know this one. In a scope that has one they
are those of other interfaces since it was last seen: somebody else may have come. They change no state.
Kafka is asked for records that are on their way. Only if there are none it says that nobody newer is known (JSON: nextOwnerFrom null and
waiting empty); the address may be free by then.
Exit code 1 if nobody is known to have held it; 4 if that cannot be told: it is only recorded, records are on their way (or Kafka could not be asked),
no object of that day was read, no flow of it proves anything, or the role clickhouse has not filled the table cloud_map.`,
  async run({ values, positionals }) {
    const [ip] = positionals
    if (ip === undefined || positionals.length > 1 || isIP(ip) === 0 || ip.includes('%'))
      throw new FlowError('USAGE', {
        detail:
          ip === undefined ? 'say which address' : `"${positionals.join(' ')}" is not an address; write one like 10.0.1.5 or 2001:db8::1`,
        command: 'lookup',
      })
    const nowS = Date.now() / 1000
    const askedS =
      values['at'] === undefined ? Math.floor(nowS) : parseSecond(values['at'] as string, { command: 'lookup', option: 'at', nowS })
    const config = loadConfig({ file: values['config'] as string | undefined })
    const found = await lookUp({ config, noKafka: values['no-kafka'] === true }, ip, askedS)
    const { holders, recorded, onTheWay, blank } = found
    if (values['json'] === true) console.log(formatJson(lookUpJson(ip, askedS, found)))
    else {
      if (holders.length + recorded.length > 0) console.log(askedText(ip, askedS))
      for (const holder of holders) console.log(describeHolder(holder, { atS: askedS, onTheWay }))
      for (const each of recorded) console.log(recordedText(ip, each))
      if (holders.length === 0 && blank === undefined) console.log(nobodyText(ip, askedS))
      for (const line of onTheWayLines(onTheWay)) console.log(line)
    }
    if (blank !== undefined) console.error(blankText(blank, ip, askedS))
    if (blank === undefined || holders.length > 0) return holders.length === 0 ? 1 : 0
    return unknown
  },
}

/** `flowloom lookup`: who holds or held an address. */
import { isIP } from 'node:net'
import { loadConfig } from '../config/config.ts'
import { lookUpHolders } from '../operations/holders.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command } from './arguments/command.ts'
import { parseTime } from './arguments/times.ts'
import { blankText, describeHolder, lookUpJson, nobodyText } from './print/holder.ts'
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
    at: { type: 'string', value: 'TIME', doc: 'ISO 8601 (UTC if no zone is given) or Unix seconds; default now' },
    json: { type: 'boolean', doc: 'print JSON' },
  },
  details:
    'Addresses repeat between VPCs, so there is one answer per scope: VPC, else account/region, else aws.\n' +
    'held: seen at that time, or at most 10 minutes before. ambiguous: others were seen with the address too.\n' +
    'last-known: not seen for more than 10 minutes; the answer says when it was seen before and next, and by whom.\n' +
    'Without a next owner (JSON: nextOwnerFrom null) nobody newer is known until today; the address may be free by now.\n' +
    'Exit code 1 if nobody is known to have held it; 4 if that cannot be told: no object of that day (UTC) was read, or the sink has not filled\n' +
    'the table cloud_map.',
  async run({ values, positionals }) {
    const [ip] = positionals
    if (ip === undefined || positionals.length > 1 || isIP(ip) === 0 || ip.includes('%'))
      throw new FlowError('USAGE', {
        detail:
          ip === undefined ? 'say which address' : `"${positionals.join(' ')}" is not an address; write one like 10.0.1.5 or 2001:db8::1`,
        command: 'lookup',
      })
    const atS =
      values['at'] === undefined
        ? undefined
        : parseTime(values['at'] as string, { command: 'lookup', option: 'at', nowS: Date.now() / 1000 })
    const { holders, blank } = await lookUpHolders(loadConfig({ file: values['config'] as string | undefined }).clickhouse, ip, atS)
    const askedS = atS ?? Math.floor(Date.now() / 1000)
    if (values['json'] === true) console.log(formatJson(lookUpJson(ip, askedS, holders, blank)))
    else if (holders.length > 0) for (const holder of holders) console.log(describeHolder(holder))
    else if (blank === undefined) console.log(nobodyText(ip, atS))
    if (blank !== undefined) console.error(blankText(blank, askedS))
    if (blank === undefined || holders.length > 0) return holders.length === 0 ? 1 : 0
    return unknown
  },
}

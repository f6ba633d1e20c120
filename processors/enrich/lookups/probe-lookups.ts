/** What `check-config` says of the files of lookup tables. */
import { FlowError } from '../../../runtime/errors.ts'
import { judgedEach } from '../../../runtime/partial-settings.ts'
import { missing, ok, type ProbeResult } from '../../../runtime/probe-result.ts'
import { checkLookups, type CheckedFile } from './check-lookups.ts'
import { absentTables, type AbsentTable } from './configured-tables.ts'
import type { LookupSettings } from './settings.ts'
import { counted } from '../../../runtime/counted.ts'

const settingOf = { country: 'lookups.country', asn: 'lookups.asn', aws: 'lookups.awsRanges', threat: 'lookups.threats' } as const

const errorOf = ({ file: { table, path } }: CheckedFile, detail: string): FlowError => new FlowError('LOOKUP_FILE', { table, path, detail })

/** A setting alone, the others off; of a list that is partly refused, its good entries. */
const alone: readonly ((settings: LookupSettings) => Partial<LookupSettings>)[] = [
  ({ country = 'none' }) => ({ country }),
  ({ asn = 'none' }) => ({ asn }),
  ({ awsRanges }) => (awsRanges === undefined ? {} : { awsRanges }),
  ({ threats }) => ({ threats: judgedEach(threats, entry => [entry]) }),
]

/**
 * One line for each file of the settings that enrich would refuse. Files of npm packages are not read: nobody named them. What is refused
 * without looking at a file is left out.
 */
export async function lookupFaults(settings: LookupSettings): Promise<string[]> {
  const off = { reloadMs: 0, dictionaryEntries: 0, country: 'none', asn: 'none', threats: [] }
  const checked: CheckedFile[] = []
  for (const one of judgedEach(alone, pick => [pick(settings)])) checked.push(...(await checkLookups({ ...off, ...one })))
  return checked.flatMap(entry =>
    entry.fault === undefined ? [] : [`✖ ${settingOf[entry.file.table]}: ${errorOf(entry, entry.fault).message}`],
  )
}

const whatLacks = { country: 'country', asn: 'network' } as const

const wordsOf = ({ table, package: name }: AbsentTable): string =>
  `no file is named and the package ${name} is not installed, so flows have no ${whatLacks[table]}: install it, name a file, or write none`

/** Tables that are off although nobody turned them off. */
export const lookupHints = (settings: LookupSettings, absent: readonly AbsentTable[] = absentTables(settings)): string[] =>
  absent.map(each => `${settingOf[each.table]}: ${wordsOf(each)}`)

/** Loads every table, those of npm packages too, and says what came of each file. */
export async function probeLookups(
  settings: LookupSettings,
  absent: readonly AbsentTable[] = absentTables(settings),
): Promise<ProbeResult[]> {
  const off = absent.map(each => missing(each.package, settingOf[each.table], new Error(wordsOf(each))))
  const read = (await checkLookups(settings)).map(entry => {
    const { file, fault, info } = entry
    const step = settingOf[file.table]
    if (fault !== undefined) return missing(file.path, step, new Error(fault))
    if (info === undefined) return ok(file.path, step)
    const left =
      info.unreadableLines === 0 ? '' : `, ${counted(info.unreadableLines, 'line')} left out, the first is ${info.firstUnreadable!}`
    return ok(file.path, step, `${info.ranges} ranges of ${info.dataDate.slice(0, 10)}${left}`)
  })
  return [...off, ...read]
}

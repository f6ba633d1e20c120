/** What `check-config` says of the files of lookup tables. */
import { FlowError } from '../../../runtime/errors.ts'
import { missing, ok, type ProbeResult } from '../../../runtime/probe-result.ts'
import { checkLookups, type CheckedFile } from './check-lookups.ts'
import type { LookupSettings } from './settings.ts'
import { counted } from '../../../runtime/counted.ts'

const settingOf = { country: 'lookups.country', asn: 'lookups.asn', aws: 'lookups.awsRanges', threat: 'lookups.threats' } as const

const errorOf = ({ file: { table, path } }: CheckedFile, detail: string): FlowError => new FlowError('LOOKUP_FILE', { table, path, detail })

/** One line for each file of the settings that enrich would refuse. Files of npm packages are not read: nobody named them. */
export async function lookupFaults(settings: LookupSettings): Promise<string[]> {
  const { country = 'none', asn = 'none' } = settings
  const checked = await checkLookups({ ...settings, country, asn })
  return checked.flatMap(entry =>
    entry.fault === undefined ? [] : [`✖ ${settingOf[entry.file.table]}: ${errorOf(entry, entry.fault).message}`],
  )
}

/** Loads every table, those of npm packages too, and says what came of each file. */
export async function probeLookups(settings: LookupSettings): Promise<ProbeResult[]> {
  return (await checkLookups(settings)).map(entry => {
    const { file, fault, info } = entry
    const step = settingOf[file.table]
    if (fault !== undefined) return missing(file.path, step, new Error(fault))
    if (info === undefined) return ok(file.path, step)
    const left =
      info.unreadableLines === 0 ? '' : `, ${counted(info.unreadableLines, 'line')} left out, the first is ${info.firstUnreadable!}`
    return ok(file.path, step, `${info.ranges} ranges of ${info.dataDate.slice(0, 10)}${left}`)
  })
}

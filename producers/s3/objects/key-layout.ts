/**
 * Where flow log objects lie in a bucket: plain, hourly, Hive and Hive hourly, each with an optional prefix before `AWSLogs/` and an optional
 * organisation id after it. Hourly folders need no care: a day is listed with everything below it.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
 */
import type { S3Source } from '../settings.ts'
import { accountsPrefix } from '../source-folder.ts'

/** Where the flow logs of one account begin. */
export interface AccountFolder {
  readonly accountId: string
  readonly hive: boolean
  /** Ends with `vpcflowlogs/`; below it are the regions. */
  readonly prefix: string
}

/** Where the flow logs of one account and region begin. */
export interface RegionFolder {
  readonly accountId: string
  readonly region: string
  readonly hive: boolean
  /** Ends with the region and a slash; below it are the days. */
  readonly prefix: string
}

/** A folder with years, months and days below it. */
export type DatedFolder = Pick<RegionFolder, 'hive' | 'prefix'>

/** Accounts and regions of a source to read; undefined: all that are there. */
export type Selection = Pick<S3Source, 'accounts' | 'regions'>

const dayMs = 86_400_000
const accountPattern = /^(aws-account-id=)?(\d{12})\/$/
const organizationPattern = /^o-[0-9a-z]+\/$/
const regionPattern = /^(aws-region=)?([a-z0-9-]+)\/$/
const objectPattern = /\.(?:log|log\.gz|log\.zst|parquet)$/

const lastPart = (prefix: string): string => prefix.slice(prefix.lastIndexOf('/', prefix.length - 2) + 1)

/** True for the folder of an organisation, which has accounts below it. */
export const isOrganization = (prefix: string): boolean => organizationPattern.test(lastPart(prefix))

/** Reads a folder below `accountsPrefix`; undefined if it is not that of an account. */
export function accountFolder(prefix: string): AccountFolder | undefined {
  const match = accountPattern.exec(lastPart(prefix))
  if (match === null) return undefined
  const hive = match[1] !== undefined
  return { accountId: match[2]!, hive, prefix: `${prefix}${hive ? 'aws-service=' : ''}vpcflowlogs/` }
}

/** Reads a folder below an account; undefined if it is not that of a region. */
export function regionFolder(account: AccountFolder, prefix: string): RegionFolder | undefined {
  const match = regionPattern.exec(lastPart(prefix))
  if (match === null || (match[1] !== undefined) !== account.hive) return undefined
  return { accountId: account.accountId, region: match[2]!, hive: account.hive, prefix }
}

/** UTC day of a time, `yyyy-mm-dd`. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** Days from `fromDay` to `toDay`, both included, newest first. */
export function daysBetween(fromDay: string, toDay: string): string[] {
  const days: string[] = []
  for (let ms = Date.parse(toDay); ms >= Date.parse(fromDay); ms -= dayMs) days.push(dayOf(ms))
  return days
}

/**
 * Days to list, newest first: today, back over the look-back window, and the day before that, because an object lies in the folder of the
 * time in its name and comes some minutes later.
 *
 * @param startDate Nothing before this day.
 */
export function windowDays(nowMs: number, lookBackMs: number, startDate?: string): string[] {
  const first = dayOf(nowMs - lookBackMs - dayMs)
  return daysBetween(startDate !== undefined && startDate > first ? startDate : first, dayOf(nowMs))
}

/** Prefix of everything of one day, `yyyy-mm-dd`; also of a year (`yyyy`) or a month (`yyyy-mm`). */
export function datePrefix(folder: DatedFolder, date: string): string {
  const names = folder.hive ? ['year=', 'month=', 'day='] : ['', '', '']
  return `${folder.prefix}${date
    .split('-')
    .map((part, index) => `${names[index]!}${part}/`)
    .join('')}`
}

/** True if a key is that of a flow log object by its suffix: text, gzip, zstd or Parquet. */
export const isFlowLogKey = (key: string): boolean => objectPattern.test(key)

/** True if a key is that of a Parquet object. */
export const isParquetKey = (key: string): boolean => key.endsWith('.parquet')

const belowAccounts =
  /^(?:o-[0-9a-z]+\/)?(?:(\d{12})\/vpcflowlogs|aws-account-id=(\d{12})\/aws-service=vpcflowlogs)\/(?:(?:aws-region=)?([a-z0-9-]+)\/)?/

/** True for an account, and a region of it, that are to be read. */
export const isChosen = ({ accounts, regions }: Selection, accountId: string | undefined, region?: string): boolean =>
  (accounts === undefined || (accountId !== undefined && accounts.includes(accountId))) &&
  (regions === undefined || region === undefined || regions.includes(region))

/** True if a key lies where flow logs of a source lie: other services write `.log.gz` beside them. */
export function isInSource(source: Pick<S3Source, 'prefix'> & Selection, key: string): boolean {
  const prefix = accountsPrefix(source)
  const match = key.startsWith(prefix) ? belowAccounts.exec(key.slice(prefix.length)) : null
  return match !== null && isChosen(source, match[1] ?? match[2], match[3] ?? '')
}

/** Which objects of a bucket the audit reads: its own reading of the settings and of the keys that are documented. The ledger is not asked. */
import type { S3Source } from '../producers/s3/settings.ts'

type ListedSource = Pick<S3Source, 'prefix' | 'layout' | 'keyPattern' | 'accounts' | 'regions'>

/** The prefix of a source as folders: empty, or with a slash at its end. */
export const prefixFolder = ({ prefix }: Pick<S3Source, 'prefix'>): string => `${prefix.replace(/^\/+|\/+$/g, '')}/`.replace(/^\/$/, '')

/** What all keys of a source begin with: its prefix, and of flow logs that AWS delivers the folder `AWSLogs/` behind it. */
export const listingRoot = (source: Pick<S3Source, 'prefix' | 'layout'>): string =>
  `${prefixFolder(source)}${source.layout === 'flow-logs' ? 'AWSLogs/' : ''}`

/** True if an object belongs to a source. */
export function isListed(source: ListedSource, key: string): boolean {
  const { layout, keyPattern } = source
  if (!key.startsWith(listingRoot(source))) return false
  const parts = key.slice(listingRoot(source).length).split('/')
  if (layout === 'flow-logs') return /\.(log|log\.gz|log\.zst|parquet)$/.test(key) && isSelected(source, parts)
  const name = parts.at(-1)!
  if (name === '' || name === 'aws-logs-write-test') return false
  const [year, month, day, hour] = parts
  const isDated = parts.length > 4 && isHour(`${year!}-${month!}-${day!}T${hour!}`)
  return (layout === 'any' || isDated) && (keyPattern === undefined || new RegExp(keyPattern).test(key))
}

/**
 * True for folders below `AWSLogs/` as AWS makes them, of an account and region that the source reads: `[o-organization/]account/vpcflowlogs/region/`,
 * or Hive's `aws-account-id=account/aws-service=vpcflowlogs/aws-region=region/`.
 */
function isSelected({ accounts, regions }: Pick<S3Source, 'accounts' | 'regions'>, folders: readonly string[]): boolean {
  const below = /^o-[0-9a-z]+$/.test(folders[0]!) ? folders.slice(1) : folders
  const [account, service, region] = below.map(folder => folder.replace(/^aws-(account-id|region|service)=/, ''))
  const marks = below.slice(0, 2).filter(folder => folder.includes('=')).length
  return (
    (marks === 0 || marks === 2) &&
    service === 'vpcflowlogs' &&
    /^\d{12}$/.test(account!) &&
    below.length > 3 &&
    (accounts === undefined || accounts.includes(account!)) &&
    (regions === undefined || regions.includes(region!))
  )
}

/** True for a time like 2026-11-24T10. */
const isHour = (text: string): boolean => /^\d{4}(-\d\d){2}T(?!24)\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}:00Z`))

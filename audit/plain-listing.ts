/** Which objects of a bucket the audit reads: its own reading of the settings, from the keys alone. The ledger is not asked. */
import type { S3Source } from '../producers/s3/settings.ts'

/** Prefix below which the objects of a source are. */
export const listingRoot = ({ prefix }: Pick<S3Source, 'prefix'>): string => `${prefix}/`.replace(/\/+$/, '/').replace(/^\/+/, '')

/** True if an object belongs to a source. */
export function isListed(
  { layout, keyPattern, ...source }: Pick<S3Source, 'prefix' | 'layout' | 'keyPattern' | 'accounts' | 'regions'>,
  key: string,
): boolean {
  if (layout === 'flow-logs') return /vpcflowlogs.*\.(log|log\.gz|log\.zst|parquet)$/.test(key) && isSelected(source, key)
  const parts = key.slice(listingRoot(source).length).split('/')
  const name = parts.at(-1)!
  if (name === '' || name === 'aws-logs-write-test') return false
  const [year, month, day, hour] = parts
  const isDated = parts.length > 4 && isHour(`${year!}-${month!}-${day!}T${hour!}`)
  return (layout === 'any' || isDated) && (keyPattern === undefined || new RegExp(keyPattern).test(key))
}

/** True for a key of an account and region that the source reads. */
function isSelected({ accounts, regions }: Pick<S3Source, 'accounts' | 'regions'>, key: string): boolean {
  const folders = key.split('/').map(folder => folder.replace(/^aws-(account-id|region|service)=/, ''))
  const at = folders.indexOf('vpcflowlogs')
  return (accounts ?? [folders[at - 1]]).includes(folders[at - 1]) && (regions ?? [folders[at + 1]]).includes(folders[at + 1])
}

/** True for a time like 2026-11-24T10. */
const isHour = (text: string): boolean => /^\d{4}(-\d\d){2}T(?!24)\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}:00Z`))

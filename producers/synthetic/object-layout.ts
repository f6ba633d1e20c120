/** Keys of flow log objects in the four layouts. */
import type { Site } from './site.ts'

/** Folder layouts of flow log objects. */
export const objectLayouts = ['plain', 'hourly', 'hive', 'hive-hourly'] as const
/** Name of a layout. */
export type ObjectLayout = (typeof objectLayouts)[number]

/**
 * Key of an object.
 *
 * @param slotS Unix seconds of the slot.
 * @param hash Eight hex digits that make the name unique.
 * @param prefix In front of `AWSLogs/`, without a slash at its end.
 */
export function objectKeyOf(site: Site, layout: ObjectLayout, slotS: number, hash: string, prefix = ''): string {
  const stamp = new Date(slotS * 1000).toISOString()
  const [year, month, day, hour] = [stamp.slice(0, 4), stamp.slice(5, 7), stamp.slice(8, 10), stamp.slice(11, 13)] as const
  const hive = layout === 'hive' || layout === 'hive-hourly'
  const folder = hive
    ? `aws-account-id=${site.accountId}/aws-service=vpcflowlogs/aws-region=${site.region}/year=${year}/month=${month}/day=${day}/`
    : `${site.accountId}/vpcflowlogs/${site.region}/${year}/${month}/${day}/`
  const hourly = layout === 'hourly' ? `${hour}/` : layout === 'hive-hourly' ? `hour=${hour}/` : ''
  const name = `${site.accountId}_vpcflowlogs_${site.region}_${site.flowLogId}_${year}${month}${day}T${hour}${stamp.slice(14, 16)}Z_${hash}.log.gz`
  return `${prefix === '' ? '' : `${prefix}/`}AWSLogs/${folder}${hourly}${name}`
}

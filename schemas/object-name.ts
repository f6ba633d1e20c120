/**
 * What the key of a flow log object says: account, region, flow log and the 5-minute slot.
 *
 * Objects of Security Lake say account and region in their folders. Flow logs have four layouts, each with an optional prefix before `AWSLogs/` and an optional organisation id after it: plain, hourly, Hive, Hive hourly.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
 * @see https://docs.aws.amazon.com/security-lake/latest/userguide/open-cybersecurity-schema-framework.html
 */

/** Parts of an object key; null if the key does not have the part. */
export interface ObjectName {
  /** 12 digits, leading zeros kept. */
  accountId: string | null
  region: string | null
  /** `fl-...` */
  flowLogId: string | null
  /** Unix seconds of the first second of the 5-minute slot that the object covers (UTC). */
  slotStart: number | null
}

/** Length of the slot that an object covers, in seconds. */
export const slotSeconds = 300

const filePattern = /(?:^|\/)(\d{12})_vpcflowlogs_([a-z0-9-]+)_(fl-[0-9a-z]+)_(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})Z(?:_[^/]*)?$/
const plainPattern = /(?:^|\/)AWSLogs\/(?:o-[0-9a-z]+\/)?(\d{12})\/vpcflowlogs\/([a-z0-9-]+)\//
const hivePattern = /(?:^|\/)AWSLogs\/(?:o-[0-9a-z]+\/)?aws-account-id=(\d{12})\/aws-service=vpcflowlogs\/aws-region=([a-z0-9-]+)\//
const lakePattern = /(?:^|\/)aws\/VPC_FLOW\/[0-9.]+\/(?:[A-Za-z_]+=[^/]*\/)*/
const lakePart = (folders: string, name: RegExp): string | null => name.exec(folders)?.[1] ?? null

/** Account and region in the folders of Security Lake: `aws/VPC_FLOW/2.0/region=us-east-1/accountId=123456789012/eventDay=20261124/`. */
function lakeNames(key: string): Pick<ObjectName, 'accountId' | 'region'> | undefined {
  const folders = lakePattern.exec(key)?.[0]
  if (folders === undefined) return undefined
  return { accountId: lakePart(folders, /\/accountid=(\d{12})\//i), region: lakePart(folders, /\/region=([a-z0-9-]+)\//) }
}

function slotOf(file: RegExpExecArray): number | null {
  const [year, month, day, hour, minute] = file.slice(4, 9).map(Number) as [number, number, number, number, number]
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59) return null
  const ms = Date.UTC(year, month - 1, day, hour, minute)
  return new Date(ms).getUTCDate() === day ? ms / 1000 : null
}

/**
 * Reads an object key. The file name decides; the folders fill in where the file has another name.
 *
 * @param key Object key, decoded (no `%3D`).
 * @returns The parts; every part is null for a key that is not that of a flow log object. Never throws.
 */
export function parseObjectName(key: string): ObjectName {
  const file = filePattern.exec(key)
  const folder = plainPattern.exec(key) ?? hivePattern.exec(key)
  const lake = file === null && folder === null ? lakeNames(key) : undefined
  return {
    accountId: file?.[1] ?? folder?.[1] ?? lake?.accountId ?? null,
    region: file?.[2] ?? folder?.[2] ?? lake?.region ?? null,
    flowLogId: file?.[3] ?? null,
    slotStart: file === null ? null : slotOf(file),
  }
}

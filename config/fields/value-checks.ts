/**
 * What is wrong with a value of a setting, in words that say what to write instead. Each function returns undefined for a value that will do.
 * They judge the form alone: whether somebody answers is for `check-config --probe`.
 */
import { accountsPrefix } from '../../producers/s3/objects/key-layout.ts'

/** Finds what is wrong with a text. */
export type ValueCheck = (value: string) => string | undefined

/** The text as YAML and JSON both take it. */
const quoted = (value: string): string => JSON.stringify(value)

/** `host:port` of a broker. */
export const brokerFault: ValueCheck = value => {
  if (value.includes(','))
    return `several brokers in one text: write ${JSON.stringify(
      value
        .split(',')
        .map(part => part.trim())
        .filter(part => part !== ''),
    )}`
  const match = /^\s*(?:([a-z][a-z0-9+._-]*):\/\/)?(?:([^@/]*)@)?(\[[^\]]*\]|[^:/\s]*)(?::(\d*))?(\/\S*)?\s*$/i.exec(value)
  if (match === null)
    return /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(value)
      ? 'not host:port; an IPv6 address is not supported here: write a host name'
      : 'not host:port'
  const [, scheme, login, host = '', port = ''] = match
  if (host === '') return 'not host:port: the host is missing'
  if (host.startsWith('[')) return 'an IPv6 address is not supported here: write a host name and the port'
  const plain = `${host}:${port === '' ? '9092' : port}`
  const more: string[] = []
  if (scheme !== undefined && /ssl|tls|https/i.test(scheme)) more.push('set kafka.tls: true')
  if (login !== undefined) more.push('put the login into kafka.username and kafka.password')
  if (scheme !== undefined && /sasl/i.test(scheme)) more.push('set kafka.saslMechanism')
  const instead = [`write ${plain}`, ...more].join(', and ')
  if (port === '') return `no port: ${instead}${scheme === undefined ? ', or the port that the broker has' : ''}`
  if (Number(port) < 1 || Number(port) > 65_535) return `${port} is not a port: ports are 1 to 65535`
  if (scheme !== undefined) return `a broker has no scheme (${scheme}://): ${instead}`
  return value === plain ? undefined : `not host:port: ${instead}`
}

/** URL of an HTTP endpoint. */
export const httpUrlFault: ValueCheck = value => {
  const url = URL.parse(value)
  if (url !== null && /^https?:$/.test(url.protocol) && /^https?:\/\//i.test(value)) return undefined
  if (/^(?!https?:)[a-z0-9.-]+(?::\d+)?(?:\/\S*)?$/i.test(value))
    return `not a URL like http://host:port: write http://${value}, or https://`
  const scheme = /^([a-z][a-z0-9+.:-]*):\/\/(?:[^@/]*@)?([^/\s]*)/i.exec(value)
  if (scheme !== null && !/^https?$/i.test(scheme[1]!))
    return `not a URL like http://host:port: ${scheme[1]!}:// is another protocol; write http:// or https:// with the HTTP port`
  return 'not a URL like http://host:port'
}

/** URL of ClickHouse: the database and other parameters have settings of their own. */
export const clickhouseUrlFault: ValueCheck = value => {
  const fault = httpUrlFault(value)
  const native = /^(?:jdbc:)?(?:clickhouse|ch|tcp)(?:\+\w+)?:\/\/(?:[^@/]*@)?([^:/?\s]*)/i.exec(value)
  if (native !== null) return `not the URL of the HTTP interface: write http://${native[1]!}:8123, or https://${native[1]!}:8443 with TLS`
  if (fault !== undefined) return fault
  const url = new URL(value)
  const plain = url.origin
  const [database, ...more] = [...url.pathname.split('/').filter(part => part !== ''), ...url.searchParams.getAll('database')]
  if (database !== undefined && more.length === 0)
    return `the database is a setting of its own: write url: ${plain} and set clickhouse.database: ${database}`
  if (database !== undefined || url.search !== '' || url.hash !== '')
    return `what follows the port is not used: write url: ${plain}; database, username and password are settings of their own`
  return undefined
}

/** URL of the schema registry: the base, in front of `/subjects`. */
export const registryUrlFault: ValueCheck = value => {
  const fault = httpUrlFault(value)
  if (fault !== undefined) return fault
  const base = /^(.*?)\/(?:subjects|schemas|config)(?:\/.*)?\/?$/.exec(value)?.[1]
  if (base !== undefined) return `the base URL is wanted, in front of /subjects: write ${base}`
  const { search, hash } = new URL(value)
  return search === '' && hash === '' ? undefined : 'a base URL ends with its path: leave what follows ? or # out'
}

/** Bucket and key of the ways to write a place in S3; undefined for a plain name. */
function placeOf(value: string): { bucket: string; key: string } | undefined {
  const match =
    /^s3[an]?:\/\/([^/]*)\/*(.*)$/i.exec(value) ??
    /^arn:[^:]*:s3:::([^/]*)\/?(.*)$/.exec(value) ??
    /^https?:\/\/[^/]*console\.aws\.amazon\.com\/s3\/buckets\/([^/?]+)(?:.*[?&]prefix=([^&]*))?/i.exec(value) ??
    /^https?:\/\/([^/]+)\.s3[.-][^/]*\/?(.*)$/i.exec(value) ??
    /^https?:\/\/s3[.-][^/]*\/([^/]+)\/?(.*)$/i.exec(value) ??
    (/^[a-z][a-z0-9+.-]*:/i.test(value) ? null : /^\/*([^/]+)\/+(.*)$/.exec(value))
  return match === null ? undefined : { bucket: match[1]!, key: match[2] ?? '' }
}

/** Settings of a source that choose the place of a key: what stands before `AWSLogs/`, the account, the region. */
function placeText(key: string, bucket?: string): string {
  const path = key.replace(/^\/+|[/*]+$/g, '')
  const parts =
    /^(?:(.*?)\/)?AWSLogs(?:\/o-[0-9a-z]+)?(?:\/(?:aws-account-id=)?(\d{12})(?:\/(?:aws-service=)?vpcflowlogs(?:\/(?:aws-region=)?([a-z0-9-]+))?)?)?(?:\/|$)/.exec(
      path,
    )
  const [prefix, account, region] = parts === null ? [path] : [parts[1] ?? '', parts[2], parts[3]]
  return [
    ...(bucket === undefined ? [] : [`bucket: ${bucket}`]),
    ...(prefix === '' && bucket !== undefined ? [] : [`prefix: ${prefix === '' ? '""' : prefix}`]),
    ...(account === undefined ? [] : [`accounts: ["${account}"]`]),
    ...(region === undefined ? [] : [`regions: [${region}]`]),
  ].join(', ')
}

/** Name of a bucket; the ARN of an access point is one too. */
export const bucketFault: ValueCheck = value => {
  if (value.trim() === '') return 'the name of the bucket is missing'
  if (/^arn:[^:]*:s3[a-z-]*:[^:]*:\d{12}:/.test(value)) return undefined
  const place = placeOf(value)
  if (place !== undefined && place.bucket !== '') return `not the name of a bucket: write ${placeText(place.key, place.bucket)}`
  return /^[^\s/:]+$/.test(value) ? undefined : 'not the name of a bucket: write the name alone, such as my-flow-logs'
}

/** Prefix of a source, as far as it can be told without the layout. */
export const prefixFault: ValueCheck = value => {
  const place = /^(?:s3[an]?:\/\/|arn:|https?:\/\/)/i.test(value) ? placeOf(value) : undefined
  return place === undefined ? undefined : `the bucket is a setting of its own: write ${placeText(place.key, place.bucket)}`
}

/** Prefix of a source of the layout `flow-logs`. */
export const flowLogPrefixFault: ValueCheck = value =>
  value.split('/').includes('AWSLogs')
    ? `prefix is what stands before AWSLogs/: write ${placeText(value)}${/\d{12}/.test(value) ? '' : `; objects are found below ${accountsPrefix({ prefix: '' })} of it`}`
    : undefined

const regionShape = /^[a-z]{2,5}(?:-[a-z]+)+-\d+$/

/** Region, as far as other makers of S3 servers leave it free: slips in the name of one of AWS. */
export const regionFault: ValueCheck = value => {
  const plain = value.trim().toLowerCase().replaceAll('_', '-')
  const zone = /^(.*-\d+)[a-z]$/.exec(plain)?.[1]
  if (zone !== undefined && regionShape.test(zone)) return `an availability zone is not a region: write ${zone}`
  if (plain !== value && regionShape.test(plain)) return `not a region: write ${plain}`
  return value.trim() === '' ? 'the region is missing: write one like us-east-1' : undefined
}

/** Region of AWS. */
export const awsRegionFault: ValueCheck = value =>
  regionFault(value) ?? (regionShape.test(value) ? undefined : 'not a region: write one like us-east-1')

/** Account id. */
export const accountFault: ValueCheck = value => {
  if (/^\d{12}$/.test(value)) return undefined
  const digits = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(value)?.[1] ?? value.replace(/[\s-]/g, '')
  return `an account id has 12 digits${/^\d{12}$/.test(digits) ? `: write ${quoted(digits)}` : ', leading zeros too, in quotes: "012345678901"'}`
}

/** Scope of addresses: the id of a VPC, or a name of one's own. */
export const scopeFault: ValueCheck = value => {
  if (value === 'aws') return '"aws" is the scope of public service addresses: write the id of the VPC, vpc-..., or a name of your own'
  if (value === '' || value !== value.trim()) return 'write the id of the VPC, vpc-..., or a name of your own, without spaces around it'
  if (value.includes('/'))
    return 'a slash stands in the scope of an account and region: write the id of the VPC, vpc-..., or set account and region'
  return undefined
}

/** URL of a queue. */
export const queueUrlFault: ValueCheck = value => {
  const arn = /^arn:(aws[a-z-]*):sqs:([^:]+):(\d{12}):(.+)$/.exec(value)
  if (arn === null) return httpUrlFault(value)
  const [, partition, region, account, name] = arn
  return `the URL of the queue is wanted, not its ARN: write https://sqs.${region!}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}/${account!}/${name!}`
}

/** ARN of a role to assume. */
export const roleArnFault: ValueCheck = value =>
  /^arn:[^:]+:iam::(?:\d{12}|\{account\}):role\/.+$/.test(value)
    ? undefined
    : 'not the ARN of a role: write arn:aws:iam::<account id>:role/<name>'

/** Path of a file that has its content in another place. */
export const pathFault: ValueCheck = value =>
  /-----BEGIN |\n/.test(value) ? 'the path of a file is wanted, not its content' : value.trim() === '' ? 'the path is missing' : undefined

/** Regular expression of keys. */
export const patternFault: ValueCheck = value => {
  try {
    return new RegExp(value) instanceof RegExp ? undefined : 'not a regular expression'
  } catch (error) {
    const why = (error as Error).message.replace(/^.*: /, '')
    const end = /^[*/]*\*(\.[\w.]+)$/.exec(value)?.[1]
    const instead = end === undefined ? '' : `; for keys that end with ${end} write ${quoted(`${end.replaceAll('.', '\\.')}$`)}`
    return `not a regular expression (${why})${instead}`
  }
}

/** Day. */
export const dayFault: ValueCheck = value => {
  const isDay = (text: string): boolean =>
    /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text)
  if (isDay(value)) return undefined
  const [, year, month, day] = /^\s*(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:$|[T\s])/.exec(value) ?? []
  const plain = year === undefined ? '' : `${year}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}`
  return `not a day: write ${isDay(plain) ? quoted(plain) : 'one like "2026-11-01"'}`
}

/** Address to listen on. */
export const hostFault: ValueCheck = value => {
  const [, host, port] = /^(?:https?:\/\/)?([^/:]+)(?::(\d+))?\/?$/i.exec(value) ?? []
  if (host === undefined || host === value)
    return value.trim() === '' || value.includes('/') ? 'not an address to listen on: write one like 0.0.0.0' : undefined
  return `an address alone is wanted: write host: ${host}${port === undefined ? '' : ` and port: ${port}`}`
}

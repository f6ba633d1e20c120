/** What is allowed, and is often a slip: said by `check-config`, never refused. */
import type { Config } from './config.ts'
import { unlearnable } from '../producers/s3/source-faults.ts'

/** Ports of ClickHouse that do not speak HTTP. */
const otherPorts: Readonly<Record<string, string>> = {
  9000: 'the native protocol',
  9440: 'the native protocol with TLS',
  9004: 'the MySQL protocol',
  9005: 'the PostgreSQL protocol',
  9009: 'traffic between replicas',
}

function clickhouseHints({ url }: Config['clickhouse']): string[] {
  const { protocol, hostname, port } = new URL(url)
  const usual = `http://${hostname}:8123, or https://${hostname}:8443 with TLS`
  if (otherPorts[port] !== undefined)
    return [`clickhouse.url: ${port} is the usual port of ${otherPorts[port]}; the HTTP interface is usually at ${usual}`]
  if (protocol === 'https:' && port === '8123') return [`clickhouse.url: 8123 is the usual port without TLS: ${usual}`]
  return protocol === 'http:' && port === '8443' ? [`clickhouse.url: 8443 is the usual port with TLS: ${usual}`] : []
}

function kafkaHints(settings: Config['kafka']): string[] {
  const { tls, saslMechanism, username, password, oauthTokenUrl } = settings
  if (saslMechanism === 'none') {
    if (username !== undefined || password !== undefined)
      return ['kafka.username: nobody logs in without kafka.saslMechanism: set it to plain, scram-sha-256 or scram-sha-512']
    return oauthTokenUrl === undefined ? [] : ['kafka.oauthTokenUrl: nobody logs in without kafka.saslMechanism: oauthbearer']
  }
  return tls || saslMechanism === 'aws-iam'
    ? []
    : [`kafka.saslMechanism: ${saslMechanism} without kafka.tls: true shows the login, or what protects it, to whoever can listen`]
}

function sourceHints(source: Config['s3']['sources'][number], index: number, nowMs: number): string[] {
  const { bucket, prefix, keyPattern, startDate } = source
  const at = (key: string, text: string): string => `s3.sources[${index}]${key} (s3://${bucket}/${prefix}): ${text}`
  const hints: string[] = []
  const learnsNothing = unlearnable(source)
  if (learnsNothing !== undefined) hints.push(at('', learnsNothing))
  if (keyPattern !== undefined && !keyPattern.startsWith('^') && !keyPattern.endsWith('$'))
    hints.push(
      at('.keyPattern', `${JSON.stringify(keyPattern)} may stand anywhere in a key; begin it with ^ or end it with $ to say where`),
    )
  if (/[*?]/.test(prefix)) hints.push(at('.prefix', 'a prefix has no wildcards: * and ? stand for themselves'))
  if (startDate !== undefined && Date.parse(startDate) > nowMs)
    hints.push(at('.startDate', `${startDate} is to come: nothing is read before that day`))
  return hints
}

/** Finds them all. */
export const hintsOf = ({ kafka, clickhouse, s3 }: Config, nowMs: number): string[] => [
  ...kafkaHints(kafka),
  ...clickhouseHints(clickhouse),
  ...s3.sources.flatMap((source, index) => sourceHints(source, index, nowMs)),
]

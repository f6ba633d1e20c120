/** Settings of section `clickhouse` that are allowed, and are often a slip. */
import type { ClickHouseSettings } from './settings.ts'

/** Ports of ClickHouse that do not speak HTTP. */
const otherPorts: Readonly<Record<string, string>> = {
  9000: 'the native protocol',
  9440: 'the native protocol with TLS',
  9004: 'the MySQL protocol',
  9005: 'the PostgreSQL protocol',
  9009: 'traffic between replicas',
}

/** Finds them all. */
export function clickhouseHints({ url }: Pick<ClickHouseSettings, 'url'>): string[] {
  const { protocol, hostname, port } = new URL(url)
  const usual = `http://${hostname}:8123, or https://${hostname}:8443 with TLS`
  if (otherPorts[port] !== undefined)
    return [`clickhouse.url: ${port} is the usual port of ${otherPorts[port]}; the HTTP interface is usually at ${usual}`]
  if (protocol === 'https:' && port === '8123') return [`clickhouse.url: 8123 is the usual port without TLS: ${usual}`]
  return protocol === 'http:' && port === '8443' ? [`clickhouse.url: 8443 is the usual port with TLS: ${usual}`] : []
}

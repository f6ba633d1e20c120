/** What is wrong with the name of a broker. */
import type { ValueCheck } from '../value-checks.ts'

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

/** What a port speaks: asked after a service did not answer, to say which setting is wrong. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { isNameless } from '../../runtime/errors.ts'

/** `nameless` DNS does not know the host; `closed` nobody listens; `native` the native protocol of ClickHouse; `other` something that is neither TLS nor HTTP. */
export type Speech = 'nameless' | 'closed' | 'tls' | 'http' | 'native' | 'other'

const longestMs = 3000

/** Runs one exchange on a socket, with a bound in time. */
function exchange(socket: Socket, begin: (done: (speech: Speech | undefined) => void) => void): Promise<Speech | undefined> {
  return new Promise(resolve => {
    const done = (speech: Speech | undefined): void => {
      resolve(speech)
      socket.destroy()
    }
    socket.setTimeout(longestMs, () => done(undefined))
    begin(done)
  })
}

/** A refusal by an alert is TLS too, such as that of a server that wants a client certificate. */
const isAlert = (error: NodeJS.ErrnoException): boolean => /alert/i.test(error.message) || error.code?.includes('ALERT') === true

/** @returns `tls`, `nameless`, `closed`, or undefined: none of them. */
function tryTls(host: string, port: number): Promise<Speech | undefined> {
  // nothing is sent over it: whose certificate it is does not matter
  const socket = connectTls({ host, port, rejectUnauthorized: false })
  return exchange(socket, done => {
    let connected = false
    socket.once('connect', () => (connected = true))
    socket.once('secureConnect', () => done('tls'))
    const unconnected = (error: Error): Speech => (isNameless(error) ? 'nameless' : 'closed')
    socket.once('error', (error: NodeJS.ErrnoException) => done(isAlert(error) ? 'tls' : connected ? undefined : unconnected(error)))
    socket.once('close', () => done(undefined))
  })
}

function tryHttp(host: string, port: number): Promise<Speech | undefined> {
  const socket = connect({ host, port })
  return exchange(socket, done => {
    let text = ''
    socket.once('connect', () => socket.write(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`))
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      if (text.includes('clickhouse-client program')) done('native')
      else if (text.length > 2048) done(text.startsWith('HTTP/') ? 'http' : 'other')
    })
    socket.once('error', () => done(undefined))
    socket.once('close', () => done(text.startsWith('HTTP/') ? 'http' : 'other'))
  })
}

/** Asks a port what it speaks, in at most two short connections. */
export async function speechOf(host: string, port: number): Promise<Speech> {
  return (await tryTls(host, port)) ?? (await tryHttp(host, port)) ?? 'other'
}

/** The same of a URL. */
export function speechOfUrl(url: string): Promise<Speech> {
  const { hostname, port, protocol } = new URL(url)
  return speechOf(hostname.replace(/^\[|\]$/g, ''), port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port))
}

/** Which setting to change where brokers did not answer; undefined: what they speak is what is set. */
export function brokerAdvice(speech: Speech, broker: string, tls: boolean): string | undefined {
  if (speech === 'nameless') return `DNS does not know the name ${broker.slice(0, broker.lastIndexOf(':'))}: check kafka.brokers`
  if (speech === 'closed') return `nobody listens at ${broker}: check kafka.brokers`
  if (speech === 'http' || speech === 'native')
    return `${broker} is not a broker, it speaks ${speech === 'http' ? 'HTTP' : 'the native protocol of ClickHouse'}: check kafka.brokers`
  if (tls && speech === 'other') return `${broker} does not speak TLS: set kafka.tls: false, or name the port of the broker that does`
  return !tls && speech === 'tls' ? `${broker} speaks TLS: set kafka.tls: true, or name the port of the broker without it` : undefined
}

/** The same of a service with a URL. */
export function urlAdvice(speech: Speech, setting: string, url: string): string | undefined {
  const { protocol, host } = new URL(url)
  const isTls = protocol === 'https:'
  const ports = setting === 'clickhouse.url' ? ' (usually 8123, with TLS 8443)' : ''
  switch (speech) {
    case 'nameless':
      return `DNS does not know the name ${new URL(url).hostname}: check ${setting}`
    case 'closed':
      return `nobody listens at ${host}: check ${setting}`
    case 'native':
      return `${host} is the native port: write the HTTP port${ports} into ${setting}`
    case 'other':
      return `${host} does not speak HTTP: write the HTTP port${ports} into ${setting}`
    case 'tls':
      return isTls ? undefined : `${host} speaks TLS: write https:// in ${setting}`
    case 'http':
      return isTls ? `${host} does not speak TLS: write http:// in ${setting}` : undefined
  }
}

/** The files of TLS that the settings name: read and judged at the start of every command, before anything is connected. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { FlowError } from '../errors.ts'
import { judgedEach } from '../partial-settings.ts'
import type { KafkaSettings } from './settings.ts'

/** Settings that name a file of TLS. */
export type PemSetting = 'tlsCaFile' | 'tlsCertFile' | 'tlsKeyFile'

/**
 * Reads a file of TLS.
 *
 * @throws FlowError CONFIG_FILE if it cannot be read.
 */
export function readPem(path: string, setting: PemSetting): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FlowError('CONFIG_FILE', { path, purpose: `kafka.${setting}` }, { cause })
  }
}

/** Blocks of a text, each with its kind: `CERTIFICATE`. */
const blocksOf = (text: string): { kind: string; text: string }[] =>
  [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g)].map(([block, kind]) => ({ kind: kind!, text: block }))

const canRead = (read: () => unknown): boolean => {
  try {
    read()
    return true
  } catch {
    return false
  }
}

/** What a file has in the place of what is wanted. */
const otherThan = ([first]: readonly { readonly kind: string }[]): string => (first === undefined ? '' : `, but a ${first.kind}`)

function certificateFault(text: string): string | undefined {
  const blocks = blocksOf(text)
  const certificates = blocks.filter(({ kind }) => kind.endsWith('CERTIFICATE'))
  if (certificates.length === 0) return `has no certificate in PEM form (-----BEGIN CERTIFICATE-----)${otherThan(blocks)}`
  const broken = certificates.findIndex(block => !canRead(() => new X509Certificate(block.text)))
  return broken < 0 ? undefined : `has a certificate that cannot be read, number ${broken + 1} of ${certificates.length}`
}

function keyFault(text: string): string | undefined {
  const blocks = blocksOf(text)
  const key = blocks.find(({ kind }) => kind.endsWith('PRIVATE KEY'))
  if (key === undefined) return `has no private key in PEM form (-----BEGIN PRIVATE KEY-----)${otherThan(blocks)}`
  if (key.kind.startsWith('ENCRYPTED') || key.text.includes('Proc-Type: 4,ENCRYPTED'))
    return 'has a key with a passphrase, for which there is no setting: write it without one'
  return canRead(() => createPrivateKey(key.text)) ? undefined : 'has a private key that cannot be read'
}

const checks: readonly (readonly [PemSetting, (text: string) => string | undefined])[] = [
  ['tlsCaFile', certificateFault],
  ['tlsCertFile', certificateFault],
  ['tlsKeyFile', keyFault],
]

/**
 * One text for each file that is missing, cannot be read, or is not what its setting wants. What is refused for itself is left out.
 *
 * @param settings Those of section `kafka`, good or not.
 */
export const pemFaults = (settings: Pick<KafkaSettings, PemSetting>): string[] =>
  judgedEach(checks, ([setting, check]) => {
    const path = settings[setting]
    if (path === undefined) return []
    let fault: string | undefined
    try {
      const found = check(readPem(path, setting))
      fault = found === undefined ? undefined : `${path} ${found}`
    } catch (error) {
      if (!(error instanceof FlowError)) throw error
      fault = error.message
    }
    return fault === undefined ? [] : [`✖ ${fault}\n  → at kafka.${setting}`]
  })

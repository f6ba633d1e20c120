import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Java } from './java.ts'
import type { KafkaTlsStore } from './kafka-properties.ts'
import { runTool } from './run-tool.ts'

/** What a client needs for the TLS listener. */
export interface KafkaTls {
  /** PEM file of the certificate that clients have to trust. */
  caFile: string
  mechanism: 'scram-sha-512'
  username: string
  password: string
}

/** A login of the broker. */
export interface KafkaLogin {
  username: string
  password: string
}

/** Reads the login that was made with the data of the broker, or makes it: a random password, readable by the owner alone. */
export function ensureLogin(folder: string): KafkaLogin {
  const file = join(folder, 'login.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as KafkaLogin
  const login = { username: 'flowloom', password: randomBytes(18).toString('hex') }
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, JSON.stringify(login), { mode: 0o600 })
  return login
}

/**
 * Makes, once, a key and a self-signed certificate for `localhost` and 127.0.0.1 with the JDK's keytool.
 *
 * @param folder Gets `broker.p12` and `ca.pem`.
 * @throws StackError TOOL_FAILED.
 */
export async function ensureCertificate(
  java: Java,
  folder: string,
  keyStorePassword: string,
): Promise<{ store: KafkaTlsStore; caFile: string }> {
  const keyStoreFile = join(folder, 'broker.p12')
  const caFile = join(folder, 'ca.pem')
  if (!existsSync(caFile)) {
    mkdirSync(folder, { recursive: true })
    const written = `${caFile}.new`
    rmSync(keyStoreFile, { force: true })
    const store = ['-alias', 'broker', '-keystore', keyStoreFile, '-storetype', 'PKCS12', '-storepass', keyStorePassword]
    const subject = ['-dname', 'CN=localhost,O=flowloom local stack', '-ext', 'san=dns:localhost,ip:127.0.0.1', '-ext', 'bc=ca:true']
    await runTool(java.keytool, ['-genkeypair', ...store, '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '3650', ...subject])
    await runTool(java.keytool, ['-exportcert', '-rfc', ...store, '-file', written])
    renameSync(written, caFile)
  }
  return { store: { keyStoreFile, keyStorePassword }, caFile }
}

// Files of TLS are judged at the start: until then the first connection told of a slip, in the words of OpenSSL, or not at all.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig, readConfig } from '../../../../config/config.ts'
import { pemFaults } from '../../../../runtime/kafka/pem-files.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-pem-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const written = (name: string, text: string | Buffer): string => {
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}

/** Self-signed, of the name `a`, made with openssl; valid until 2126. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUMr7STtQjqORx0d8PAAyaWkpkOMgwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMzAxOTAyMDZaGA8yMTI2MTEwNjE5MDIwNlow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKqBiakLPl4S
ZxzE7tU/Sw+gbexFMh7jGHpfKxK4Py+5+Y23a5bBTt+qzzmi9LPPNqYSuBG0G0zD
zpsVzhBYFSyjUzBRMB0GA1UdDgQWBBQXpsdDjoB/OUz7KWg9BKzKbeioJjAfBgNV
HSMEGDAWgBQXpsdDjoB/OUz7KWg9BKzKbeioJjAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQC7yorNFPjGPmaycMDhQagW7YEM2zz2AhuQsojani5U
1AIhAK4T7E26SO6ncLDaYGL5kfQ8WbtkjRX/9/XkqaMQOYMD
-----END CERTIFICATE-----
`
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
const lockedOld = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) // prettier-ignore
const broken = certificate.replace(/\n(.{20})/, '\nAAAA$1')

test('good files have no fault, with text around their blocks', () => {
  const tlsCaFile = written('ca.pem', `# our authority\n${certificate}\n\n${certificate}`)
  const [tlsCertFile, tlsKeyFile] = [written('cert.pem', certificate), written('key.pem', key)]
  assert.deepEqual(pemFaults({ tlsCaFile, tlsCertFile, tlsKeyFile }), [])
  assert.deepEqual(pemFaults({}), [])
  const both = written('both.pem', `${key}${certificate}`)
  assert.deepEqual(pemFaults({ tlsCertFile: both, tlsKeyFile: both }), [])
  const { faults } = readConfig({ env: {}, overrides: { kafka: { tls: true, tlsCaFile, tlsCertFile, tlsKeyFile } } })
  assert.deepEqual(faults, [])
})

mkdirSync(join(dir, 'folder'))
const wrong: readonly { setting: 'tlsCaFile' | 'tlsCertFile' | 'tlsKeyFile'; path: string; fault: RegExp }[] = [
  ...(['tlsCaFile', 'tlsCertFile', 'tlsKeyFile'] as const).map(setting => ({
    setting,
    path: join(dir, 'none.pem'),
    fault: new RegExp(`cannot read ${dir}/none\\.pem \\(kafka\\.${setting}\\); check the path and its permissions`),
  })),
  { setting: 'tlsCaFile', path: join(dir, 'folder'), fault: /cannot read .*folder \(kafka\.tlsCaFile\)/ },
  { setting: 'tlsCaFile', path: written('text.pem', 'hello'), fault: /text\.pem has no certificate in PEM form/ },
  { setting: 'tlsCaFile', path: written('empty.pem', ''), fault: /empty\.pem has no certificate in PEM form/ },
  { setting: 'tlsCaFile', path: written('cert.der', Buffer.from([0x30, 0x82, 1, 2, 0xff])), fault: /cert\.der has no certificate in PEM form/ },
  { setting: 'tlsCertFile', path: written('key-as-cert.pem', key), fault: /has no certificate in PEM form .*, but a PRIVATE KEY/ },
  { setting: 'tlsKeyFile', path: written('cert-as-key.pem', certificate), fault: /has no private key in PEM form .*, but a CERTIFICATE/ },
  { setting: 'tlsCaFile', path: written('second.pem', `${certificate}${broken}`), fault: /has a certificate that cannot be read, number 2 of 2/ },
  { setting: 'tlsCaFile', path: written('cut.pem', certificate.slice(0, 200)), fault: /has no certificate in PEM form/ },
  { setting: 'tlsKeyFile', path: written('broken-key.pem', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'), fault: /has a private key that cannot be read/ },
  { setting: 'tlsKeyFile', path: written('locked.pem', locked), fault: /has a key with a passphrase, for which there is no setting/ },
  { setting: 'tlsKeyFile', path: written('locked-old.pem', lockedOld), fault: /has a key with a passphrase/ },
] // prettier-ignore
for (const { setting, path, fault } of wrong)
  test(`kafka.${setting}: ${path.slice(dir.length + 1)} is told`, () => {
    const [told, ...more] = pemFaults({ [setting]: path })
    assert.deepEqual(more, [])
    assert.match(told!, fault)
    assert.ok(told!.startsWith('✖ ') && told!.endsWith(`\n  → at kafka.${setting}`), told)
  })

test('every command stops at its start, and all files are told at once', () => {
  const tls = { tls: true, tlsCaFile: join(dir, 'a.pem'), tlsCertFile: join(dir, 'b.pem'), tlsKeyFile: written('c.pem', 'x') }
  assert.throws(() => loadConfig({ env: {}, overrides: { kafka: tls } }), {
    code: 'CONFIG_INVALID',
    message: /a\.pem[^]*kafka\.tlsCaFile[^]*b\.pem[^]*kafka\.tlsCertFile[^]*c\.pem has no private key[^]*kafka\.tlsKeyFile/,
  })
})

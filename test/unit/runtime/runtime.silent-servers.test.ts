/** Servers that take a request and fall silent: no client waits for ever, before an answer or in the middle of one. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { checkConfig } from '../../../config/config.ts'
import { credentialsOf } from '../../../aws/credentials.ts'
import { createFlowLogService } from '../../../producers/s3/fetch/describe-flow-logs.ts'
import { openQueue } from '../../../producers/s3/notify/notify-queue.ts'
import { createS3Stores } from '../../../producers/s3/objects/s3-object-store.ts'
import { Registry } from '../../../runtime/registry.ts'
import { connectClickHouse } from '../../../sinks/clickhouse/clickhouse-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-silent-'))
const servers = await Promise.all(
  [true, false].map(async answers => {
    const server = createServer((_request, response) => {
      if (!answers) return
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
      response.write('{"begun": ')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }),
)
after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  rmSync(folder, { recursive: true })
})
const urlOf = (index: number): string => `http://127.0.0.1:${(servers[index]!.address() as AddressInfo).port}`

/** So long may be silence. */
const silentMs = 300
const key = { accessKeyId: 'a', secretAccessKey: 'b' }
const name = { flowLogId: 'fl-1', region: 'us-east-1', roleArn: undefined, externalId: undefined }
const roleArn = 'arn:aws:iam::123456789012:role/reader'

/** Sets variables of the environment for the time of a call. */
async function withEnvironment<T>(variables: Record<string, string>, call: () => Promise<T>): Promise<T> {
  const before = { ...process.env }
  for (const each of Object.keys(process.env)) if (each.startsWith('AWS_')) Reflect.deleteProperty(process.env, each)
  Object.assign(process.env, variables, { AWS_EC2_METADATA_DISABLED: 'true' })
  try {
    return await call()
  } finally {
    for (const each of Object.keys(process.env)) if (!(each in before)) Reflect.deleteProperty(process.env, each)
    Object.assign(process.env, before)
  }
}

const clients: Record<string, (url: string) => Promise<unknown>> = {
  S3: async url => {
    const { s3 } = checkConfig({ s3: { endpoint: url, pathStyle: true, ...key } })
    // the head of an answer has half a minute: what is tried here is a listing that stops in the middle
    for await (const each of createS3Stores(s3, silentMs)('b', 'k').list('b', 'k')) assert.ok(each)
  },
  EC2: url => createFlowLogService(checkConfig({ s3: { ec2Endpoint: url, ...key } }).s3, silentMs).logFormat(name),
  SQS: async url => {
    const queue = openQueue(checkConfig({ s3: key }).s3, { url: `${url}/000000000000/q` }, silentMs)
    try {
      await queue.tryDelete()
    } finally {
      queue.close()
    }
  },
  'STS, for a role': url =>
    withEnvironment({ AWS_ENDPOINT_URL_STS: url }, () => credentialsOf(key, 'us-east-1', { roleArn, externalId: undefined }, silentMs)()),
  'STS, for a profile': url => {
    const config = join(folder, 'config')
    writeFileSync(
      config,
      `[profile p]\nregion = us-east-1\nrole_arn = ${roleArn}\nsource_profile = q\n[profile q]\naws_access_key_id = a\naws_secret_access_key = b\n`,
    )
    return withEnvironment({ AWS_ENDPOINT_URL_STS: url, AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }, () =>
      credentialsOf({ profile: 'p' }, 'us-east-1', { roleArn: undefined, externalId: undefined }, silentMs)(),
    )
  },
  'STS, for a web identity': url => {
    const token = join(folder, 'token')
    writeFileSync(token, 'token')
    const variables = { AWS_REGION: 'us-east-1', AWS_ROLE_ARN: roleArn, AWS_WEB_IDENTITY_TOKEN_FILE: token, AWS_CONFIG_FILE: '/dev/null' }
    return withEnvironment({ AWS_ENDPOINT_URL_STS: url, AWS_SHARED_CREDENTIALS_FILE: '/dev/null', ...variables }, () =>
      credentialsOf({}, 'us-east-1', { roleArn: undefined, externalId: undefined }, silentMs)(),
    )
  },
  'a program that gives credentials': () => {
    const config = join(folder, 'program')
    writeFileSync(config, `[profile p]\ncredential_process = sleep 3\n`)
    return withEnvironment({ AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }, () =>
      credentialsOf({ profile: 'p' }, 'us-east-1', { roleArn: undefined, externalId: undefined }, silentMs)(),
    )
  },
  'the schema registry': url => new Registry({ url }, 'flowloom.', silentMs).schemaIds(),
  ClickHouse: async url => {
    const store = connectClickHouse({ ...checkConfig({ clickhouse: { url } }).clickhouse, insertTimeoutMs: silentMs })
    try {
      await store.query('SELECT 1')
    } finally {
      await store.close()
    }
  },
}

for (const [service, ask] of Object.entries(clients))
  for (const [when, index] of [
    ['in the middle of an answer', 0],
    ['before an answer', 1],
  ] as const)
    if (index === 0 || !['S3', 'a program that gives credentials'].includes(service))
      test(`${service}: a server that falls silent ${when} is given up`, { timeout: 9000 }, () => assert.rejects(() => ask(urlOf(index))))

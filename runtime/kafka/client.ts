/** Makes kafkajs clients from the configuration: brokers, TLS, SASL, and kafkajs' log lines as ours. */
import { generateAuthToken } from 'aws-msk-iam-sasl-signer-js'
import type * as KafkaJs from 'kafkajs'
import type { ICustomPartitioner, Kafka, KafkaConfig, Mechanism, SASLOptions } from 'kafkajs'
import type { KafkaSettings } from './settings.ts'
import { orAborted } from '../abort.ts'
import type { Log } from '../log.ts'
import { loadKafkaJs } from './kafkajs.ts'
import { oauthLogin } from './oauth-login.ts'
import { fetchOauthToken } from './oauth-token.ts'
import { readPem } from './pem-files.ts'

/** Limit for a token provider: kafkajs would wait for ever. */
const longestLoginMs = 30_000

function tlsOptions(settings: KafkaSettings): KafkaConfig['ssl'] {
  if (!settings.tls) return false
  return {
    ...(settings.tlsCaFile === undefined ? {} : { ca: [readPem(settings.tlsCaFile, 'tlsCaFile')] }),
    ...(settings.tlsCertFile === undefined ? {} : { cert: readPem(settings.tlsCertFile, 'tlsCertFile') }),
    ...(settings.tlsKeyFile === undefined ? {} : { key: readPem(settings.tlsKeyFile, 'tlsKeyFile') }),
  }
}

function saslOptions(settings: KafkaSettings, kafkaJs: typeof KafkaJs): SASLOptions | Mechanism | undefined {
  const credentials = { username: settings.username ?? '', password: settings.password ?? '' }
  switch (settings.saslMechanism) {
    case 'none':
      return undefined
    case 'plain':
    case 'scram-sha-256':
    case 'scram-sha-512':
      return { mechanism: settings.saslMechanism, ...credentials } as SASLOptions
    case 'oauthbearer':
      return oauthLogin(kafkaJs, () => fetchOauthToken(settings))
    case 'aws-iam':
      return oauthLogin(kafkaJs, async () => {
        const answer = generateAuthToken({ region: settings.awsRegion ?? 'us-east-1' })
        return (await orAborted(answer, AbortSignal.timeout(longestLoginMs))).token
      })
  }
}

/** kafkajs reports much that our own retry handles; its errors are ours to judge, so they are warnings at most. */
const levelNames = { 0: 'silent', 1: 'warn', 2: 'debug', 4: 'debug', 5: 'trace' } as const

/**
 * Makes a kafkajs client. Opens nothing.
 *
 * @param clientId Shown in broker logs and quotas.
 * @throws FlowError CONFIG_FILE for an unreadable certificate.
 */
export function createKafka(settings: KafkaSettings, clientId: string, log: Log): Kafka {
  const kafkaJs = loadKafkaJs(settings.encodedBatches)
  const sasl = saslOptions(settings, kafkaJs)
  return new kafkaJs.Kafka({
    clientId,
    brokers: settings.brokers,
    ssl: tlsOptions(settings) ?? false,
    ...(sasl === undefined ? {} : { sasl }),
    connectionTimeout: 5000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 50, maxRetryTime: 2000, retries: 8 },
    logLevel: kafkaJs.logLevel.WARN,
    logCreator: () => entry => {
      // Error answers of the broker ("Response ...") are judged by the caller; most are retried.
      const known = /^Response |rebalanc|UNKNOWN_MEMBER_ID/i.test(entry.log.message)
      const level = known ? 'debug' : levelNames[entry.level]
      if (level !== 'silent') log[level]({ kafkajs: entry.namespace, error: entry.log['error'] as unknown }, entry.log.message)
    },
  })
}

/** Takes the partition that each record names: a keyless record that is sent again must not move. */
export const explicitPartitioner: ICustomPartitioner =
  () =>
  ({ message }) => {
    if (message.partition === undefined) throw new TypeError('every record needs an explicit partition')
    return message.partition
  }

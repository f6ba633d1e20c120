/** Settings of section `kafka` that have no effect without others, or contradict them. */
import type { KafkaSettings } from './settings.ts'

/** One of them. */
export interface SettingFault {
  readonly key: keyof KafkaSettings
  readonly message: string
}

/** What each way to authenticate cannot do without. */
const loginNeeds: Readonly<Record<KafkaSettings['saslMechanism'], readonly (keyof KafkaSettings)[]>> = {
  none: [],
  plain: ['username', 'password'],
  'scram-sha-256': ['username', 'password'],
  'scram-sha-512': ['username', 'password'],
  oauthbearer: ['oauthTokenUrl', 'oauthClientId', 'oauthClientSecret'],
  'aws-iam': ['awsRegion'],
}

const variableOf = (key: string): string => `FLOWLOOM_KAFKA_${key.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()}`

/** Finds them all. */
export function kafkaFaults(settings: KafkaSettings): SettingFault[] {
  const faults: SettingFault[] = loginNeeds[settings.saslMechanism]
    .filter(key => settings[key] === undefined)
    .map(key => ({
      key,
      message: `it is missing: kafka.saslMechanism ${settings.saslMechanism} needs it; set it here, or ${variableOf(key)}`,
    }))
  if (settings.saslMechanism === 'aws-iam' && !settings.tls) faults.push({ key: 'tls', message: 'Amazon MSK takes aws-iam over TLS alone' })
  if (!settings.tls)
    for (const key of ['tlsCaFile', 'tlsCertFile', 'tlsKeyFile'] as const)
      if (settings[key] !== undefined) faults.push({ key, message: 'has no effect without tls: true, and nothing would be encrypted' })
  if ((settings.tlsCertFile === undefined) !== (settings.tlsKeyFile === undefined))
    faults.push({ key: 'tlsCertFile', message: 'half a client certificate: set tlsCertFile and tlsKeyFile, or neither' })
  if (settings.heartbeatIntervalMs >= settings.sessionTimeoutMs)
    faults.push({ key: 'heartbeatIntervalMs', message: 'must be less than sessionTimeoutMs' })
  return faults
}

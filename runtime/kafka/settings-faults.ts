/** Settings of section `kafka` that have no effect without others, or contradict them. */
import { isSet } from '../partial-settings.ts'
import { settingRules, type SettingRule } from '../setting-types.ts'
import type { KafkaSettings } from './settings.ts'

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

/** The rules, each with what it reads alone. */
export const kafkaRules = settingRules<KafkaSettings>(
  ...(['username', 'password', 'oauthTokenUrl', 'oauthClientId', 'oauthClientSecret', 'awsRegion'] as const).map(
    (key): SettingRule<KafkaSettings> =>
      settings => {
        const { saslMechanism } = settings
        if (!loginNeeds[saslMechanism].includes(key) || isSet(settings, key)) return []
        return [{ key, message: `it is missing: kafka.saslMechanism ${saslMechanism} needs it; set it here, or ${variableOf(key)}` }]
      },
  ),
  ({ saslMechanism, tls }) =>
    saslMechanism === 'aws-iam' && !tls ? [{ key: 'tls', message: 'Amazon MSK takes aws-iam over TLS alone' }] : [],
  ...(['tlsCaFile', 'tlsCertFile', 'tlsKeyFile'] as const).map(
    (key): SettingRule<KafkaSettings> =>
      settings =>
        settings.tls || !isSet(settings, key) ? [] : [{ key, message: 'has no effect without tls: true, and nothing would be encrypted' }],
  ),
  settings =>
    isSet(settings, 'tlsCertFile') === isSet(settings, 'tlsKeyFile')
      ? []
      : [{ key: 'tlsCertFile', message: 'half a client certificate: set tlsCertFile and tlsKeyFile, or neither' }],
  ({ heartbeatIntervalMs, sessionTimeoutMs }) =>
    heartbeatIntervalMs < sessionTimeoutMs ? [] : [{ key: 'heartbeatIntervalMs', message: 'must be less than sessionTimeoutMs' }],
)

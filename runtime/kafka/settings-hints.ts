/** Settings of section `kafka` that are allowed, and are often a slip. */
import { judgedEach } from '../partial-settings.ts'
import type { KafkaSettings } from './settings.ts'

/** What an unused login is for. */
const logins = [
  ['username', 'set it to plain, scram-sha-256 or scram-sha-512'],
  ['password', 'set it to plain, scram-sha-256 or scram-sha-512'],
  ['oauthTokenUrl', 'set it to oauthbearer'],
] as const

const looks: readonly ((settings: KafkaSettings) => string[])[] = [
  settings => {
    if (settings.saslMechanism !== 'none') return []
    const [unused] = judgedEach(logins, login => (settings[login[0]] === undefined ? [] : [login]))
    return unused === undefined ? [] : [`kafka.${unused[0]}: nobody logs in without kafka.saslMechanism: ${unused[1]}`]
  },
  ({ saslMechanism, tls }) =>
    saslMechanism === 'none' || saslMechanism === 'aws-iam' || tls
      ? []
      : [`kafka.saslMechanism: ${saslMechanism} without kafka.tls: true shows the login, or what protects it, to anyone who can listen`],
]

/** Finds them all. */
export const kafkaHints = (settings: KafkaSettings): string[] => judgedEach(looks, look => look(settings))

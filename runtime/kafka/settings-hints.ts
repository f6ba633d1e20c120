/** Settings of section `kafka` that are allowed, and are often a slip. */
import type { KafkaSettings } from './settings.ts'

/** Finds them all. */
export function kafkaHints(settings: KafkaSettings): string[] {
  const { tls, saslMechanism, username, password, oauthTokenUrl } = settings
  if (saslMechanism === 'none') {
    if (username !== undefined || password !== undefined)
      return ['kafka.username: nobody logs in without kafka.saslMechanism: set it to plain, scram-sha-256 or scram-sha-512']
    return oauthTokenUrl === undefined ? [] : ['kafka.oauthTokenUrl: nobody logs in without kafka.saslMechanism: oauthbearer']
  }
  return tls || saslMechanism === 'aws-iam'
    ? []
    : [`kafka.saslMechanism: ${saslMechanism} without kafka.tls: true shows the login, or what protects it, to anyone who can listen`]
}

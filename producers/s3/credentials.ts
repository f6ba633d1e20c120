/** Whose credentials a client of AWS uses. */
import { fromIni, fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import type { Config } from '../../config.ts'

/** Credentials as the clients of the SDK take them: a key, or what gets one. */
export type ClientCredentials = { accessKeyId: string; secretAccessKey: string } | ReturnType<typeof fromIni>

/**
 * First that is set: the static key, the profile, the default chain of the SDK; with a role these assume it.
 *
 * @returns Undefined: the default chain.
 */
export function credentialsOf(
  settings: Pick<Config['s3'], 'profile' | 'accessKeyId' | 'secretAccessKey'>,
  region: string,
  roleArn: string | undefined,
): ClientCredentials | undefined {
  const { profile, accessKeyId, secretAccessKey } = settings
  const own =
    accessKeyId !== undefined && secretAccessKey !== undefined
      ? { accessKeyId, secretAccessKey }
      : profile === undefined
        ? undefined
        : fromIni({ profile })
  if (roleArn === undefined) return own
  return fromTemporaryCredentials({
    params: { RoleArn: roleArn, RoleSessionName: 'flowloom' },
    clientConfig: { region },
    ...(own === undefined ? {} : { masterCredentials: own }),
  })
}

/** Whose credentials a client of AWS uses. */
import { fromIni, fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import { orAborted } from '../runtime/abort.ts'
import { causesOf, FlowError, errorText } from '../runtime/errors.ts'
import { requestLimits, type RequestLimits } from './request-limits.ts'
import type { AwsRole, AwsSettings } from './settings.ts'

/** Gets credentials; the clients of the SDK ask again five minutes before they expire. Rejects with AWS_CREDENTIALS. */
export type ClientCredentials = ReturnType<typeof fromIni>

/** Names of answers that say something of our credentials or our clock, and nothing of what was asked for. It passes. */
const troubleNames: ReadonlySet<string | undefined> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'InvalidToken',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
  'UnrecognizedClientException',
])

/** True if a client found no credentials: nothing was asked. */
export const hasNoCredentials = (error: unknown): boolean => error instanceof FlowError && error.code === 'AWS_CREDENTIALS'

/** True if an error of a client is about its credentials: there are none, or AWS does not take them. */
export const isCredentialTrouble = (error: unknown): boolean =>
  error instanceof FlowError ? hasNoCredentials(error) : troubleNames.has((error as { name?: string }).name)

/** True if an error, or one of its causes, is about credentials. */
export const isCausedByCredentials = (error: unknown): boolean => [...causesOf(error)].some(isCredentialTrouble)

/** Clients ask so long before credentials expire. */
const refreshMs = 300_000
/** Keys in a file do not say when they expire: the file is read again after this time. */
const rereadMs = 60_000

/** A request for credentials on which nothing comes for so long is given up. */
const longestSilenceMs = 10_000
/** Overall limit for a credential provider (a program, or a chain of services), in multiples of the silence timeout. */
const longestWait = 6

/** What to set if nobody said whose credentials to use. */
const settingsAdvice =
  'set s3.profile, or s3.accessKeyId and s3.secretAccessKey, or AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment'

/**
 * Says of a failure whose credentials they are, and ends a wait that has no end.
 *
 * @param advice What to do about it.
 */
function named(owner: string, provider: ClientCredentials, longestMs: number, advice: string): ClientCredentials {
  return async properties => {
    try {
      return await orAborted(provider(properties), AbortSignal.timeout(longestMs))
    } catch (error) {
      if (error instanceof FlowError) throw error
      throw new FlowError('AWS_CREDENTIALS', { owner, detail: errorText(error), advice }, { cause: error })
    }
  }
}

/** What all clients that ask for credentials are made with. */
interface RequestConfig {
  readonly maxAttempts: number
  readonly requestHandler: RequestLimits
}

function ofProfile(profile: string, clientConfig: RequestConfig, longestMs: number): ClientCredentials {
  const read = named(
    `the profile "${profile}"`,
    fromIni({ profile, ignoreCache: true, clientConfig }),
    longestMs,
    'check s3.profile and the AWS files that have it',
  )
  return async properties => {
    const credentials = await read(properties)
    return { ...credentials, expiration: credentials.expiration ?? new Date(Date.now() + refreshMs + rereadMs) }
  }
}

/**
 * First that is set: the static key, the profile, the default chain of the SDK; with a role these assume it.
 *
 * @param region Where the role is assumed.
 * @param silentMs A request for credentials on which nothing comes for so long is given up.
 */
export function credentialsOf(
  { profile, accessKeyId, secretAccessKey }: Pick<AwsSettings, 'profile' | 'accessKeyId' | 'secretAccessKey'>,
  region: string,
  { roleArn, externalId }: AwsRole,
  silentMs = longestSilenceMs,
): ClientCredentials {
  const clientConfig = { maxAttempts: 2, requestHandler: requestLimits(silentMs) }
  const longestMs = longestWait * silentMs
  const own =
    accessKeyId !== undefined && secretAccessKey !== undefined
      ? () => Promise.resolve({ accessKeyId, secretAccessKey })
      : profile === undefined
        ? named('the default credential chain', fromNodeProviderChain({ clientConfig }), longestMs, settingsAdvice)
        : ofProfile(profile, clientConfig, longestMs)
  if (roleArn === undefined) return own
  const params = { RoleArn: roleArn, RoleSessionName: 'flowloom', ...(externalId === undefined ? {} : { ExternalId: externalId }) }
  const assumed = fromTemporaryCredentials({ params, clientConfig: { ...clientConfig, region }, masterCredentials: own })
  // its own credentials may take as long
  return named(`the role ${roleArn}`, assumed, 2 * longestMs, 'check roleArn and externalId, and who may assume the role')
}

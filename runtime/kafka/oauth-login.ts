/**
 * SASL OAUTHBEARER (RFC 7628) in the place of kafkajs' own, which takes the refusal of a broker for a login, since it comes as an answer
 * without an error, and which asks again on the same connection after a token could not be had, where the broker no longer listens.
 */
import type * as KafkaJs from 'kafkajs'
import { errorText, FlowError } from '../errors.ts'

const sized = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  const size = Buffer.alloc(4)
  size.writeInt32BE(bytes.length)
  return Buffer.concat([size, bytes])
}

/**
 * Makes the mechanism.
 *
 * @param fetchToken Asked at each login. A FlowError that a retry cannot fix ends the connecting; after anything else kafkajs connects again.
 */
export function oauthLogin(kafkaJs: typeof KafkaJs, fetchToken: () => Promise<string>): KafkaJs.Mechanism {
  const tokenForConnection = async (): Promise<string> => {
    try {
      return await fetchToken()
    } catch (cause) {
      if (cause instanceof FlowError && !cause.retriable) throw cause
      throw Object.assign(new kafkaJs.KafkaJSConnectionError(errorText(cause)), { cause })
    }
  }
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => {
      const send = async (message: string): Promise<string> =>
        (await saslAuthenticate({
          request: { encode: () => sized(message) },
          // kafkajs puts the size in front of the answer
          response: { decode: answer => answer.subarray(4), parse: answer => answer.toString() },
        })) as string
      // its type hides that it takes a text
      const Refusal = kafkaJs.KafkaJSSASLAuthenticationError as new (text: string) => Error
      const refused = (why: string): Error => new Refusal(`SASL OAUTHBEARER authentication failed: ${why}`)
      return {
        authenticate: async () => {
          const token = await tokenForConnection()
          const refusal = await send(`n,,\u0001auth=Bearer ${token}\u0001\u0001`).catch((error: unknown) => {
            throw refused(errorText(error))
          })
          if (refusal === '') return
          // section 3.2.3: the client says that it has understood, then the server ends the exchange with an error
          await send('\u0001').catch(() => undefined)
          throw refused(refusal)
        },
      }
    },
  }
}

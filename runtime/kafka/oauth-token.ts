/** Fetches a token for SASL OAUTHBEARER from the endpoint of the settings: the client credentials grant of RFC 6749, section 4.4. */
import type { KafkaSettings } from './settings.ts'
import { causesOf, errorText, FlowError } from '../errors.ts'

/** As long as kafkajs waits for a connection: it logs in while it opens one. */
const answerMs = 5000

/** How an endpoint refuses a client or its request (section 5.2); proxies before it say 403. Everything else can pass. */
const refusals = new Set([400, 401, 403])

/** Errors that some endpoints send with status 400 although they pass. */
const passing = new Set<unknown>(['temporarily_unavailable', 'server_error'])

/**
 * Fetches a token.
 *
 * @param waitMs Longest time for the whole answer.
 * @throws FlowError KAFKA_TOKEN_REFUSED where the client, its secret or the scope is refused; KAFKA_TOKEN_UNAVAILABLE for what can pass.
 */
export async function fetchOauthToken(settings: KafkaSettings, waitMs = answerMs): Promise<string> {
  const url = settings.oauthTokenUrl ?? ''
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(settings.oauthScope === undefined ? {} : { scope: settings.oauthScope }),
  })
  const credentials = Buffer.from(`${settings.oauthClientId ?? ''}:${settings.oauthClientSecret ?? ''}`).toString('base64')
  let status: number
  let text: string
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${credentials}` },
      body: form,
      signal: AbortSignal.timeout(waitMs),
    })
    status = response.status
    text = await response.text()
  } catch (cause) {
    throw new FlowError('KAFKA_TOKEN_UNAVAILABLE', { url, detail: [...causesOf(cause)].map(errorText).at(-1) }, { cause })
  }
  const answer = readAnswer(text)
  const told = ['error', 'error_description'].map(name => answer[name]).filter(value => typeof value === 'string')
  const detail = [`status ${status}`, ...told].join(', ').replace(/\s+/g, ' ').slice(0, 300)
  if (refusals.has(status) && !passing.has(answer['error'])) throw new FlowError('KAFKA_TOKEN_REFUSED', { url, detail })
  if (status !== 200) throw new FlowError('KAFKA_TOKEN_UNAVAILABLE', { url, detail })
  const token = answer['access_token']
  if (typeof token !== 'string' || token === '')
    throw new FlowError('KAFKA_TOKEN_UNAVAILABLE', { url, detail: `${detail}, without an access_token` })
  return token
}

/** Fields of the JSON object that the text is; none if it is something else, such as the page of a proxy. */
function readAnswer(text: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** One request to the schema registry, for what its client does not offer. */
import type { Config } from '../config.ts'
import { errorText, FlowError } from './errors.ts'

/** An answer of the registry must be there after this time. */
export const longestAnswerMs = 10_000

/**
 * Asks the registry. A path that it does not know is an answer (404), any other refusal an error.
 *
 * @throws FlowError REGISTRY_UNAVAILABLE.
 */
export async function request(settings: Config['registry'], path: string, method = 'GET'): Promise<Response> {
  const { url } = settings
  const authorization = `Basic ${Buffer.from(`${settings.username ?? ''}:${settings.password ?? ''}`).toString('base64')}`
  let response: Response
  try {
    response = await fetch(`${url.replace(/\/$/, '')}${path}`, {
      method,
      headers: settings.username === undefined ? {} : { authorization },
      signal: AbortSignal.timeout(longestAnswerMs),
    })
  } catch (cause) {
    throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: errorText(cause) }, { cause })
  }
  if (!response.ok && response.status !== 404) throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: `status ${response.status}` })
  return response
}

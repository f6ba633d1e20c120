/** One request to the schema registry, for what its client does not offer. */
import type { RegistrySettings } from './settings.ts'
import { causesOf, errorText, FlowError } from './errors.ts'

/** An answer of the registry must be there after this time. */
export const longestAnswerMs = 10_000

/** What stands in front of every error of the registry's client; it calls a request without an answer status 400. */
const clientMark = /^Confluent_Schema_Registry - (?:Error, status 400: )?/

/** Why a request failed, in one line: what lies under it, such as a refused connection, and what to check. */
export function registryFault(error: unknown): string {
  const said = [...causesOf(error)].map(errorText).filter(text => text !== '')
  const text = (said.at(-1) ?? 'no answer').replace(clientMark, '').replace(/\s+/g, ' ').slice(0, 300)
  return withAdvice(text, (error as { status?: number }).status)
}

const isLoginRefused = (status: number | undefined): boolean => status === 401 || status === 403

function withAdvice(text: string, status: number | undefined): string {
  if (isLoginRefused(status)) return `${text}; check registry.username and registry.password`
  return status === 404 ? `${text}; check the path in registry.url: that of Apicurio ends with /apis/ccompat/v7` : text
}

/** A registry that refuses a request, or does not answer. */
export function registryError(url: string, detail: string, status: number | undefined, cause?: unknown): FlowError {
  const code = isLoginRefused(status) ? 'REGISTRY_LOGIN' : 'REGISTRY_UNAVAILABLE'
  return new FlowError(code, { url, detail }, { cause })
}

/**
 * Asks the registry. A path that it does not know is an answer (404), any other refusal an error.
 *
 * @param body Sent as JSON.
 * @throws FlowError REGISTRY_UNAVAILABLE, REGISTRY_LOGIN.
 */
export async function request(settings: RegistrySettings, path: string, method = 'GET', body?: unknown): Promise<Response> {
  const { url } = settings
  const authorization = `Basic ${Buffer.from(`${settings.username ?? ''}:${settings.password ?? ''}`).toString('base64')}`
  let response: Response
  try {
    response = await fetch(`${url.replace(/\/$/, '')}${path}`, {
      method,
      headers: {
        ...(settings.username === undefined ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(longestAnswerMs),
    })
  } catch (cause) {
    throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: registryFault(cause) }, { cause })
  }
  if (!response.ok && response.status !== 404)
    throw registryError(url, withAdvice(`status ${response.status}`, response.status), response.status)
  return response
}

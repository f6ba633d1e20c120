/** Tries what the settings name, side by side, and says of each what works and which permission is missing. */
import { isCredentialTrouble } from '../../aws/credentials.ts'
import type { Config } from '../../config/config.ts'
import { causesOf } from '../../runtime/errors.ts'
import { judged, judgedLater } from '../../runtime/partial-settings.ts'
import type { ProbeResult } from '../../runtime/probe-result.ts'
import { topology, type Topology } from '../../topology.ts'
import { speechOfUrl, urlAdvice } from './port-speech.ts'
import { probeServices } from './probe-services.ts'

/** What stands before the permission that was asked for: credentials, or the role that they may not assume. */
function credentialStep(error: unknown): string | undefined {
  const causes = [...causesOf(error)]
  const trouble = causes.findIndex(isCredentialTrouble)
  if (trouble < 0) return undefined
  return (causes[trouble + 1] as { name?: string } | undefined)?.name === 'AccessDenied' ? 'sts:AssumeRole' : 'credentials'
}

/** The result as it is told: with the step that failed before, or with what is to be changed if the port itself tells. */
export async function explained({ error, reach, ...result }: ProbeResult): Promise<ProbeResult> {
  const step = error === undefined ? undefined : credentialStep(error)
  if (step !== undefined) return { ...result, step }
  const advice = reach === undefined ? undefined : urlAdvice(await speechOfUrl(reach.url), reach.setting, reach.url)
  return advice === undefined ? result : { ...result, detail: `${advice} (${result.detail})` }
}

/**
 * Tries what every part needs, side by side: what is away keeps nothing else waiting.
 *
 * @param services Tries what all parts share.
 * @returns From the outside in: where data comes from, Kafka and the registry, where it goes, and what is on the way.
 */
export async function probe(config: Config, parts: Topology = topology, services = probeServices): Promise<ProbeResult[]> {
  const ofKind = (kind: Topology[number]['kind']): Promise<ProbeResult[]>[] =>
    parts.filter(part => part.kind === kind).map(async part => (await part.probe?.(config)) ?? [])
  const results = await Promise.all([...ofKind('source'), services(config, parts), ...ofKind('sink'), ...ofKind('processor')])
  return Promise.all(results.flat().map(explained))
}

/**
 * Faults in files that the settings name, a line each.
 *
 * @param config Of settings that are refused (see runtime/partial-settings.ts) nothing is said.
 */
export async function fileFaults(config: Config, parts: Topology = topology): Promise<string[]> {
  const faults: string[] = []
  for (const part of parts) faults.push(...((await judgedLater(async () => part.faults?.(config))) ?? []))
  return faults
}

/** What parts say of settings that are allowed, a line each; of settings that are refused nothing is said. */
export const partHints = (config: Config, parts: Topology = topology): string[] =>
  parts.flatMap(part => judged(() => part.hints?.(config)) ?? [])

/** Which parts of a path are meant: by name, by settings, by topic. */
import type { Config } from '../config/config.ts'
import type { Log } from '../runtime/log.ts'
import type { RoleShape } from '../runtime/task.ts'
import type { TopicId } from '../schemas/topics.ts'
import { topology, type Topology } from '../topology.ts'

/** What of the named parts runs. */
export interface RunPlan {
  readonly parts: Topology
  /** Names of those that the settings give nothing to do. */
  readonly idle: readonly string[]
}

/** Plans a run of the named parts, in the order of the path. */
export function planRun(config: Config, names: readonly string[], all: Topology = topology): RunPlan {
  const named = all.filter(({ name }) => names.includes(name))
  const isWanted = ({ wanted }: Topology[number]): boolean => wanted?.(config) !== false
  return { parts: named.filter(isWanted), idle: named.filter(part => !isWanted(part)).map(({ name }) => name) }
}

/** The name of the part that had this one in an older version; undefined: none had. */
export const newNameOf = (name: string, all: Topology = topology): string | undefined =>
  all.find(({ formerName }) => formerName === name)?.name

/** Makes what parts need before they run. */
export async function prepareParts(config: Config, parts: Topology, log: Log): Promise<void> {
  for (const { prepare } of parts) await prepare?.(config, log)
}

/**
 * The lists of parts that have a process each on one machine, as `--roles` takes them: every part its own, but a source, which mostly waits,
 * that of the part that reads what it writes.
 */
export function processLists(config: Config, all: Topology = topology): string[] {
  const { parts } = planRun(
    config,
    all.map(({ name }) => name),
    all,
  )
  const hostOf = (part: Topology[number]): string =>
    part.kind === 'source' ? (parts.find(({ from }) => from.some(id => part.to.includes(id)))?.name ?? part.name) : part.name
  return [...Map.groupBy(parts, hostOf).values()].map(members => members.map(({ name }) => name).join(','))
}

/**
 * The one role that reads a topic.
 *
 * @throws TypeError if no part has it, or several.
 */
export function readerOf(topic: TopicId, all: Topology = topology): RoleShape {
  const readers = all.flatMap(({ roles }) => roles.filter(({ from }) => from === topic))
  if (readers.length !== 1) throw new TypeError(`${topic} is read by ${readers.length} roles`)
  return readers[0]!
}

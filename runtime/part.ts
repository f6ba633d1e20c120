/**
 * What a part of the path is: one value that says everything that the rest of the house asks of it. A part stands in its folder
 * (`*-part.ts`), topology.ts joins them, and what runs, checks, resets or documents parts loops over them and names none.
 */
import type { z } from 'zod'
import type { TopicId } from '../schemas/topics.ts'
import type { Codecs } from './avro.ts'
import type { Log } from './log.ts'
import type { ProbeResult } from './probe-result.ts'
import type { InRecord } from './records.ts'
import type { AtPoint, Role, RoleShape, Source, SourceShape } from './task.ts'

/** What a part is built from. */
export interface PartOptions<Config> {
  readonly config: Config
  /** Told at named points between two calls; tests of delivery kill the process there. */
  readonly atPoint?: AtPoint
}

/** What a part gives to run. */
export interface BuiltPart {
  readonly sources?: readonly Source[]
  readonly roles?: readonly Role[]
  /** Closes the clients that they share. */
  readonly close?: () => Promise<void>
}

/** Nothing is lost and nothing is written twice, and why. */
export interface Harmless {
  readonly harmless: string
}

/** Where the output of the first record is looked for. */
export interface OutputLook<Config> {
  /** What is looked at, for the docs. */
  readonly doc: string
  /**
   * Asks whether the output of this record, the first that the topic holds, stands already.
   *
   * @returns Where it stands; undefined: nowhere.
   */
  find(first: InRecord, from: { readonly config: Config; readonly codecs: Codecs }): Promise<string | undefined>
}

/** A role and what it reads, as the broker knows them. */
export interface RoleInput {
  /** Name of its group without the deployment: it stays when the role gets another name. */
  readonly ownGroup: string
  /** Consumer group: `ownGroup` behind the deployment. */
  readonly group: string
  /** Full name of the topic. */
  readonly topic: string
}

/** What remembers, beside the broker, that a role has begun. */
export interface BeginningLook<Config> {
  /** When it has, for the docs. */
  readonly doc: string
  hasBegun(input: RoleInput, config: Config): Promise<boolean>
  /** Called at each start that is not refused, once for all roles that share this function: they are asked about in one question. */
  readonly remember: (inputs: readonly RoleInput[], config: Config) => Promise<void>
}

/** What it means for a role that the broker has forgotten its position. */
export interface Guard<Config> {
  /** It begins with the first record again. Not harmless: it is refused if the topic has records, or if the output of the first stands. */
  readonly repeated: Harmless | { readonly refusedIfWritten: TopicId } | { readonly refusedIfFound: OutputLook<Config> }
  /** It begins behind records that retention has removed. Not harmless: it is refused, or refused if it has begun before. */
  readonly missed: Harmless | 'refused' | { readonly refusedIfBegun: BeginningLook<Config> }
}

/** A guard that never refuses. */
export const harmless = (why: string): Guard<unknown> => ({ repeated: { harmless: why }, missed: { harmless: why } })

/** What `flowloom reset` does, beside forgetting the positions of the groups. */
export interface Reset<Config> {
  /** What is dropped, as one word: `tables`. */
  readonly drops: string
  /** What exactly: for the person who is asked. */
  readonly what: (config: Config) => string
  /** Drops it. No process of the part runs. */
  readonly run: (config: Config) => Promise<void>
}

/** What a part says of itself. `Name` and `RoleName` are the literal names. */
export interface PartDescription<Config, Name extends string, RoleName extends string> {
  /** What people say: `flowloom run --roles`, the docs. Its role has the same name; if it has several, they begin with it. */
  readonly name: Name
  /** The name that it had in an older version: `run --roles` still takes it, other commands tell the new one. */
  readonly formerName?: string
  readonly kind: 'source' | 'processor' | 'sink'
  readonly doc: string
  /** Its own sections of the settings by name, as they stand in its `settings.ts`. */
  readonly settings: Readonly<Record<string, z.ZodObject>>
  /** What it runs. Topics and state of the part are those of its roles. */
  readonly roles: readonly (RoleShape<RoleName> | SourceShape<RoleName>)[]
  /** The service that it fills. */
  readonly fills?: string
  /** False if the settings give it nothing to do: it is left out. */
  readonly wanted?: (config: Config) => boolean
  /** Makes what must be there before it runs, such as tables; repeating it changes nothing. Topics are made from schemas/topics.ts. */
  readonly prepare?: (config: Config, log: Log) => Promise<void>
  /** What a lost position means, for each role. */
  readonly guard: Readonly<Record<NoInfer<RoleName>, Guard<Config>>>
  /** Faults in files that the settings name, a line each; opens no connection. */
  readonly faults?: (config: Config) => Promise<string[]>
  /** What is allowed and often a slip, and what only the part can see, a line each; opens no connection. */
  readonly hints?: (config: Config) => string[]
  /** Tries the permissions that it needs, and changes nothing. */
  readonly probe?: (config: Config) => Promise<ProbeResult[]>
  /** Absent: it cannot be reset, because a restart from the first record would write every record twice. */
  readonly reset?: Reset<Config>
  /** Reasons for which it makes a line a dead letter, each with its meaning. */
  readonly refuses?: Readonly<Record<string, string>>
  /** Builds what runs: what `roles` says. Opens nothing. */
  readonly build: (options: PartOptions<Config>) => BuiltPart
}

/** A part, with what follows from its roles. */
export interface Part<Config, Name extends string = string> extends Omit<PartDescription<Config, Name, string>, 'roles'> {
  /** Roles that consume. */
  readonly roles: readonly RoleShape[]
  readonly sources: readonly SourceShape[]
  readonly from: readonly TopicId[]
  readonly to: readonly TopicId[]
  /** Topics that are restored. */
  readonly states: readonly TopicId[]
  /** Topics of its own that it looks keys up in. */
  readonly reads: readonly TopicId[]
  /** Compacted topics that its roles keep in memory. */
  readonly sideTables: readonly TopicId[]
}

const isRole = (shape: RoleShape | SourceShape): shape is RoleShape => 'from' in shape
const unique = (ids: readonly TopicId[]): TopicId[] => [...new Set(ids)]

/** Makes a part from what it says of itself. */
export function part<Config, const Name extends string, const RoleName extends string>(
  description: PartDescription<Config, Name, RoleName>,
): Part<Config, Name> {
  const shapes: readonly (RoleShape | SourceShape)[] = description.roles
  const roles = shapes.filter(isRole)
  return {
    ...description,
    roles,
    sources: shapes.filter(shape => 'shardBy' in shape),
    from: unique(roles.map(({ from }) => from)),
    to: unique(shapes.flatMap(({ to }) => to)),
    states: unique(roles.flatMap(({ state }) => state ?? [])),
    reads: unique(roles.flatMap(({ reads }) => reads ?? [])),
    sideTables: unique(roles.flatMap(({ sideTables }) => sideTables?.map(({ topic }) => topic) ?? [])),
  }
}

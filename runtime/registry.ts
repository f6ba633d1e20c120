/** Schema ids of every topic from a registry that speaks the Confluent API. Keys never change; values change fully compatibly. */
import { setTimeout as sleep } from 'node:timers/promises'
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import avsc from 'avsc'
import type { RegistrySettings } from './settings.ts'
import type { AvroRecord } from '../schemas/avro-types.ts'
import { topicName, topics, type TopicId } from '../schemas/topics.ts'
import type { TopicSchemaIds } from './avro.ts'
import { errorText, FlowError } from './errors.ts'
import { longestAnswerMs, registryError, registryFault, request } from './registry-request.ts'

/** Level under which every value subject is registered. */
export const valueCompatibility = COMPATIBILITY.FULL_TRANSITIVE

const fingerprint = (schema: unknown): string =>
  avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: false })
    .fingerprint('sha256')
    .toString('hex')

const statusOf = (error: unknown): number | undefined => (error as { status?: number }).status

/** How often, and how far apart, a subject is tried at which another process may be: incompatible is refused with the same status. */
const mostTries = 4
const pauseMs = 150

/** The subject has another level than ours. */
const isLevelRefused = (error: unknown): boolean => (error as Error).name === 'ConfluentSchemaRegistryCompatibilityError'

type Middleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number]

/** The client waits for ever by itself. */
const timeLimited =
  (timeout: number): Middleware =>
  () => ({ prepareRequest: async next => (await next()).enhance({ timeout }) })

/** Access to the registry. */
export class Registry {
  readonly #settings: RegistrySettings
  readonly #prefix: string
  readonly #client: SchemaRegistry

  /** @param answerMs A request on which nothing comes for so long is given up. */
  constructor(settings: RegistrySettings, topicPrefix: string, answerMs = longestAnswerMs) {
    this.#settings = settings
    this.#prefix = topicPrefix
    const auth = settings.username === undefined ? {} : { auth: { username: settings.username, password: settings.password ?? '' } }
    this.#client = new SchemaRegistry({
      host: settings.url.replace(/\/$/, ''),
      ...auth,
      middlewares: [timeLimited(answerMs)],
      retry: { initialRetryTimeInSecs: 0.1, maxRetryTimeInSecs: 2, retries: 3 },
    })
  }

  /**
   * Asks the registry for something small, before anything is made that is of no use without it.
   *
   * @throws FlowError REGISTRY_UNAVAILABLE, REGISTRY_LOGIN.
   */
  async check(): Promise<void> {
    await request(this.#settings, '/subjects')
  }

  /**
   * Registers every schema that is not there yet and returns the ids.
   *
   * @throws FlowError KEY_SCHEMA_CHANGED, VALUE_SCHEMA_INCOMPATIBLE, REGISTRY_UNAVAILABLE, REGISTRY_LOGIN.
   */
  async schemaIds(): Promise<Record<TopicId, TopicSchemaIds>> {
    const entries: [string, TopicSchemaIds][] = []
    for (const [id, topic] of Object.entries(topics)) {
      const name = topicName(this.#prefix, topic)
      const key = await this.#keyId(name, topic.key)
      const value = topic.value === null ? -1 : await this.#valueId(name, topic.value)
      entries.push([id, { key, value }])
    }
    return Object.fromEntries(entries) as Record<TopicId, TopicSchemaIds>
  }

  async #keyId(topic: string, schema: AvroRecord): Promise<number> {
    const subject = `${topic}-key`
    try {
      const id = await this.#client.getLatestSchemaId(subject)
      const registered = JSON.parse(JSON.stringify(await this.loadSchema(id))) as unknown
      if (fingerprint(registered) !== fingerprint(schema)) throw new FlowError('KEY_SCHEMA_CHANGED', { topic, actual: id })
      return id
    } catch (error) {
      if (statusOf(error) !== 404) throw this.#translated(error, topic)
      return this.#register(subject, schema, topic)
    }
  }

  #valueId(topic: string, schema: AvroRecord): Promise<number> {
    return this.#register(`${topic}-value`, schema, topic)
  }

  /** Registers a schema, again if another process is at the same subject at this moment. */
  async #register(subject: string, schema: AvroRecord, topic: string): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        const { id } = await this.#client.register(
          { type: SchemaType.AVRO, schema: JSON.stringify(schema) },
          { subject, compatibility: valueCompatibility },
        )
        return id
      } catch (error) {
        const isBusy = statusOf(error) === 409 || (isLevelRefused(error) && (await this.#endsHalfMade(subject)))
        if (!isBusy || tries === mostTries) throw this.#translated(error, topic)
      }
      await sleep(pauseMs)
    }
  }

  /**
   * The client registers a schema first and sets its level then. A process that was killed in between, or is between them now, leaves a
   * subject with one version and no level of its own, for which some registries say NONE. Such a subject gets its level here.
   *
   * @returns False if the subject has another level on purpose.
   */
  async #endsHalfMade(subject: string): Promise<boolean> {
    const level = await request(this.#settings, `/config/${encodeURIComponent(subject)}`)
    if (!level.ok) return true
    const { compatibilityLevel } = (await level.json()) as { compatibilityLevel: COMPATIBILITY }
    if (compatibilityLevel === valueCompatibility) return true
    const versions = await request(this.#settings, `/subjects/${encodeURIComponent(subject)}/versions`)
    if (compatibilityLevel !== COMPATIBILITY.NONE || !versions.ok || ((await versions.json()) as unknown[]).length !== 1) return false
    await request(this.#settings, `/config/${encodeURIComponent(subject)}`, 'PUT', { compatibility: valueCompatibility })
    return true
  }

  #translated(error: unknown, topic: string): FlowError {
    if (error instanceof FlowError) return error
    const status = statusOf(error)
    if (isLevelRefused(error)) {
      const detail = `${errorText(error)}; if nobody needs that level, set it: PUT /config/${topic}-value {"compatibility": "${valueCompatibility}"}`
      return new FlowError('VALUE_SCHEMA_INCOMPATIBLE', { topic, detail }, { cause: error })
    }
    if (status === 409 || status === 422)
      return new FlowError('VALUE_SCHEMA_INCOMPATIBLE', { topic, detail: errorText(error) }, { cause: error })
    return registryError(this.#settings.url, registryFault(error), status, error)
  }

  /**
   * Loads the schema of an id.
   *
   * @throws FlowError REGISTRY_SCHEMA_UNKNOWN, REGISTRY_UNAVAILABLE.
   */
  async loadSchema(id: number): Promise<AvroRecord> {
    const response = await request(this.#settings, `/schemas/ids/${id}`)
    if (response.status === 404) throw new FlowError('REGISTRY_SCHEMA_UNKNOWN', { url: this.#settings.url, id })
    const { schema } = (await response.json()) as { schema: string }
    return JSON.parse(schema) as AvroRecord
  }
}

/**
 * Every error that flowloom raises itself: one class, one table. docs/reference/errors.md is generated from it.
 * A message says what failed, with which value, and what to do; `{name}` is replaced by a detail.
 */
export const errorTable = {
  CONFIG_FILE: { retriable: false, message: 'cannot read {path} ({purpose}); check the path and its permissions' },
  CONFIG_INVALID: { retriable: false, message: 'the configuration is not valid:\n{faults}\nsee docs/reference/config.md' },
  USAGE: { retriable: false, message: '{detail}; see `flowloom {command} --help`' },
  TOPIC_MISSING: { retriable: false, message: 'topic "{topic}" does not exist; run `flowloom topics apply` or set kafka.createTopics' },
  TOPIC_REFUSED: {
    retriable: false,
    message:
      'the broker does not make topic "{topic}": {detail}; check kafka.replicationFactor, kafka.partitions, kafka.topicPrefix and what the login may do',
  },
  TOPIC_PARTITIONS: {
    retriable: false,
    message: 'topics "{topic}" and "{other}" must have equally many partitions, and have {actual} and {expected}: create the topics again',
  },
  PARTITIONS_CHANGED: {
    retriable: false,
    message:
      '"{topic}" had another number of partitions when its state was written (now {partitions}): keys no longer map to the partition that holds their state; begin again with a new kafka.topicPrefix and kafka.deployment, see docs/operations.md',
  },
  KEY_SCHEMA_CHANGED: {
    retriable: false,
    message:
      'the key schema of "{topic}" in the registry (id {actual}) is not the one of this version; a key never changes: use the version that wrote the topic, or a new topic version',
  },
  VALUE_SCHEMA_INCOMPATIBLE: { retriable: false, message: 'the registry refuses the value schema of "{topic}": {detail}' },
  REGISTRY_UNAVAILABLE: { retriable: true, message: 'the schema registry at {url} does not answer: {detail}' },
  REGISTRY_LOGIN: { retriable: true, message: 'the schema registry at {url} refuses the login: {detail}' },
  REGISTRY_SCHEMA_UNKNOWN: {
    retriable: false,
    message: 'the schema registry at {url} does not know schema id {id}; is it the registry of this Kafka cluster?',
  },
  KAFKA_LOGIN: {
    retriable: false,
    message:
      'the brokers {brokers} refuse the login ({detail}); check kafka.saslMechanism, kafka.username and kafka.password, for oauthbearer the client and its scope',
  },
  KAFKA_TOKEN_REFUSED: {
    retriable: false,
    message:
      'the token endpoint {url} refuses the login ({detail}); check kafka.oauthClientId, kafka.oauthClientSecret and kafka.oauthScope',
  },
  KAFKA_TOKEN_UNAVAILABLE: { retriable: true, message: 'the token endpoint {url} gives no token: {detail}; check kafka.oauthTokenUrl' },
  KAFKA_UNAVAILABLE: { retriable: true, message: 'no broker of {brokers} answers: {detail}' },
  KAFKA_CONTROLLER: {
    retriable: false,
    message:
      'what answers in kafka.brokers is a KRaft controller, not a broker: it does not know the request {request}; write the port of the brokers, which is usually 9092',
  },
  KAFKA_DENIED: {
    retriable: false,
    message: 'the broker denies {operation} on {resource} to this login; allow it, see the table of ACLs in docs/operations.md',
  },
  KAFKA_FAILED: { retriable: true, message: 'a request to Kafka failed: {detail}' },
  GROUP_NOT_EMPTY: {
    retriable: false,
    message: 'the group "{group}" still has members; stop the processes of {owner}, then try again',
  },
  TASK_FENCED: { retriable: true, message: '{task} was taken over by another process' },
  MEMBER_REPLACED: {
    retriable: false,
    message: 'another process runs as slot "{slot}" of group {group}; every process needs a kafka.slot of its own',
  },
  RECORD_TOO_LARGE: {
    retriable: false,
    message:
      'the broker refuses {count} records of together {bytes} bytes for "{topic}" as too large; raise max.message.bytes of the topic, or lower s3.blockBytes',
  },
  OFFSET_OUT_OF_RANGE: {
    retriable: false,
    message:
      '{task} is outside of what the topic holds: retention deleted records that were never read, or the topic was created anew; see docs/operations.md on resetting a task',
  },
  OFFSET_LOST: {
    retriable: false,
    message:
      '{task} wants offset {offset}, but the topic starts at {low}: retention deleted records that were never read; see docs/operations.md on resetting a task',
  },
  POSITION_LOST: {
    retriable: false,
    message:
      'the group "{group}" has no position in "{topic}" although {place} holds what it wrote: the broker forgets the positions of a group that was stopped for offsets.retention.minutes, and from the first record everything would be written twice; see docs/operations.md on resetting',
  },
  SIDE_TABLE_FULL: {
    retriable: false,
    message:
      'the side table of "{topic}" has {entries} keys in {bytes} bytes, and may have {mostEntries} keys in {mostBytes} bytes; a part of it would give wrong answers: raise {setting}, or see why the topic has so many keys',
  },
  CLICKHOUSE_UNAVAILABLE: { retriable: true, message: 'ClickHouse at {url} does not answer: {detail}; check clickhouse.url' },
  CLICKHOUSE_LOGIN: { retriable: true, message: 'ClickHouse at {url} refuses the login (code {code}): {detail}' },
  CLICKHOUSE_REFUSED: { retriable: true, message: 'ClickHouse refused a statement (code {code}): {detail}' },
  CLICKHOUSE_SERVERS: { retriable: false, message: 'ClickHouse at {url} is not what the settings say: {detail}' },
  RANGE_STALE: {
    retriable: true,
    message:
      '{task} took {ms} ms from announcing the offsets {from} to {to} to inserting them: too long to be sure that nobody else did; they are inserted again',
  },
  MIGRATION_CHANGED: {
    retriable: false,
    message: 'migration {name} was applied with another content; a migration is never edited: add a new one',
  },
  VIEW_NAME_TAKEN: {
    retriable: false,
    message:
      'the database "{database}" has a table "{name}" that is not from flowloom, and a view of that name is wanted: rename the table, or set clickhouse.database',
  },
  S3_ACCESS_DENIED: {
    retriable: true,
    message: 'access to s3://{bucket}/{key} is denied; the role needs s3:GetObject and s3:ListBucket, see README.md',
  },
  S3_KEY_DENIED: {
    retriable: true,
    message: 's3://{bucket}/{key} is encrypted with a KMS key that the role may not use; it needs kms:Decrypt on the key: {detail}',
  },
  S3_NOT_FOUND: { retriable: true, message: 's3://{bucket}/{key} does not exist: it was deleted' },
  S3_NO_BUCKET: {
    retriable: true,
    message: 'the bucket {bucket} does not exist; check bucket of its source in s3.sources, and s3.endpoint if it is set',
  },
  S3_CHANGED: { retriable: true, message: 's3://{bucket}/{key} changed while it was read' },
  S3_UNAVAILABLE: { retriable: true, message: 'S3 does not give s3://{bucket}/{key}: {detail}' },
  S3_CREDENTIALS: { retriable: true, message: 'S3 cannot be asked for s3://{bucket}/{key}: {detail}' },
  AWS_CREDENTIALS: { retriable: true, message: '{owner} gives no credentials: {detail}; {advice}' },
  SQS_ACCESS_DENIED: {
    retriable: true,
    message: 'access to the queue {url} is denied; the role needs sqs:ReceiveMessage and sqs:DeleteMessage: {detail}',
  },
  SQS_NOT_FOUND: { retriable: true, message: 'the queue {url} does not exist' },
  SQS_CREDENTIALS: { retriable: true, message: 'the queue {url} cannot be asked: {detail}' },
  SQS_UNAVAILABLE: { retriable: true, message: 'the queue {url} does not answer: {detail}' },
  FLOW_LOG_UNNAMED: {
    retriable: false,
    message:
      's3://{bucket}/{key} has no header line, and its format cannot be asked for ({detail}); set flowLogId or format of its source in s3.sources',
  },
  FLOW_LOG_NOT_FOUND: {
    retriable: true,
    message:
      'EC2 in {region} knows no flow log {flowLogId} ({detail}); it is deleted, or of another account or region: set describeRoleArn, region or format of its source in s3.sources',
  },
  FLOW_LOG_DENIED: {
    retriable: true,
    message: 'EC2 in {region} does not say the format of flow log {flowLogId}; the role needs ec2:DescribeFlowLogs: {detail}',
  },
  FLOW_LOG_FORMAT: {
    retriable: false,
    message: 'the format of flow log {flowLogId} has no field that is known: {detail}; set format of its source in s3.sources',
  },
  EC2_UNAVAILABLE: { retriable: true, message: 'EC2 in {region} does not answer about flow log {flowLogId}: {detail}' },
  OBJECT_BROKEN: { retriable: true, message: 's3://{bucket}/{key} is broken: {detail}' },
  OBJECT_FORMAT: {
    retriable: false,
    message:
      's3://{bucket}/{key} is {detail}, which is not read: text is, also as gzip, zstd, ZIP or Snappy, and Parquet; leave it out with prefix or keyPattern of its source in s3.sources, or store it in one of these',
  },
  OBJECT_NOT_TEXT: {
    retriable: false,
    message:
      's3://{bucket}/{key} is neither text nor in a format that is known: {detail}; leave it out with prefix or keyPattern of its source in s3.sources',
  },
  OBJECT_EMPTY: {
    retriable: true,
    message: 's3://{bucket}/{key} has no line, not even the header line that AWS writes into each object ({detail})',
  },
  OBJECT_ARCHIVED: {
    retriable: false,
    message: 's3://{bucket}/{key} is archived ({detail}): restore it in S3, then `flowloom retry` reads it',
  },
  OBJECT_OVER_LIMIT: {
    retriable: true,
    message: 's3://{bucket}/{key} takes more to read than is allowed: {detail}; if it is a good one, write it with smaller row groups',
  },
  OBJECT_NO_HEADER: {
    retriable: false,
    message:
      's3://{bucket}/{key} has no flow log header line (names, at least half of them documented); it starts with {detail}; if its lines come without one, set s3.sources[].format',
  },
  BACKFILL_EMPTY: {
    retriable: false,
    message: 's3://{bucket}/{prefix} has no flow log objects from {from} to {to}; expected are {expected}',
  },
  BACKFILL_UNLISTED: {
    retriable: false,
    message:
      'what s3://{bucket}/{prefix} has from {from} to {to} is not known, as {unlisted} of its prefixes could not be listed; fix the cause, then the same backfill again: {detail}',
  },
  BACKFILL_INCOMPLETE: {
    retriable: false,
    message:
      'objects that could not be read: {failed}; prefixes that could not be listed: {unlisted}; fix the cause, then `flowloom retry` and the same backfill again',
  },
  LOOKUP_FILE: { retriable: false, message: 'cannot read the {table} table {path}: {detail}' },
  REPLAY_CONFLICT: {
    retriable: false,
    message: 'cannot begin the replay "{name}": {detail}; `flowloom replay --name {name} --drop` removes what is left of it',
  },
  REPLAY_LOST: {
    retriable: false,
    message:
      'the replay "{name}" cannot go on: its position in partition {partition} is lost; remove it with `flowloom replay --name {name} --drop` and begin again',
  },
  AUDIT_FAILED: { retriable: false, message: 'the audit found differences: {count}' },
  DEMO_BROKEN: { retriable: false, message: 'the demo cannot go on: {detail}\nlook for a full disk, and at the logs in {logs}' },
  DEMO_ELSEWHERE: {
    retriable: false,
    message:
      'the demo is not part of the package: it starts services that are there for development; clone the repository and run `npm ci && npm run demo`',
  },
  PROBE_FAILED: { retriable: false, message: 'of {all} things that were tried, {count} failed; see the lines above' },
  HTTP_PORT: {
    retriable: false,
    message: 'cannot serve metrics and health on {host}:{port}: {detail}; set http.port; 0 picks a free one',
  },
} as const satisfies Record<string, { retriable: boolean; message: string }>

/** Faults that can pass while a role works (a secret that is just being changed), and are final at its start: the settings are wrong. */
export const finalAtStart: ReadonlySet<string> = new Set<keyof typeof errorTable>(['REGISTRY_LOGIN', 'CLICKHOUSE_LOGIN'])

/** Code of an error, stable across versions. */
export type ErrorCode = keyof typeof errorTable

/** A text in which no URL shows its password. */
export const withoutPassword = (text: string): string => text.replace(/([a-z][a-z0-9+.-]*:\/\/[^/@:\s]*):[^/@\s]*@/gi, '$1:(hidden)@')

/** An error with a code, details and its cause, if there is one. */
export class FlowError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, details: Record<string, unknown> = {}, options?: { cause?: unknown }) {
    const shown = (name: string): string => {
      const text = String(details[name])
      return withoutPassword(name === 'detail' && text.trim() === '' ? errorText(options?.cause ?? '') : text)
    }
    super(
      errorTable[code].message.replace(/\{(\w+)\}/g, (whole, name: string) => (name in details ? shown(name) : whole)),
      options,
    )
    this.name = 'FlowError'
    this.code = code
    this.details = details
  }

  /** True if the same call can succeed later without a person. */
  get retriable(): boolean {
    return errorTable[this.code].retriable
  }
}

/** Codes of a name that DNS does not know, or cannot be asked about. */
const namelessCodes: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'EAI_AGAIN'])

/** True if a connection failed because DNS does not know its host. */
export const isNameless = (error: unknown): boolean =>
  [...causesOf(error)].some(each => namelessCodes.has((each as { code?: unknown }).code))

/** The error and its causes, outermost first. */
export function* causesOf(error: unknown): Generator {
  for (let depth = 0; error !== undefined && error !== null && depth < 10; depth++) {
    yield error
    error = (error as { cause?: unknown }).cause
  }
}

/** The outermost error of ours, dug out of what kafkajs wraps around it. */
export function flowErrorOf(error: unknown): FlowError | undefined {
  for (const cause of causesOf(error)) if (cause instanceof FlowError) return cause
  return undefined
}

/**
 * What kafkajs reports and nobody judged, as an error of ours: the broker went away in the middle, or refuses a request in a way that is not
 * known here.
 *
 * @returns undefined if the error is not from kafkajs. `passing`: kafkajs would try the request again, as with a leader that is just being
 *   elected.
 */
export function kafkaFailureOf(error: unknown): { readonly error: FlowError; readonly passing: boolean } | undefined {
  const causes = [...causesOf(error)] as { readonly name?: string; readonly retriable?: boolean; readonly apiName?: string }[]
  const ofKafka = causes.filter(({ name }) => name?.startsWith('KafkaJS') === true)
  if (ofKafka.length === 0) return undefined
  // every broker knows it, and a controller does not
  if (causes.some(({ name, apiName }) => name === 'KafkaJSServerDoesNotSupportApiKey' && apiName === 'Metadata'))
    return { error: new FlowError('KAFKA_CONTROLLER', { request: 'Metadata' }, { cause: error }), passing: false }
  return {
    error: new FlowError('KAFKA_FAILED', { detail: errorText(error) }, { cause: error }),
    passing: ofKafka.some(({ retriable }) => retriable === true),
  }
}

/** Texts of clients that say nothing; what lies under them does. */
const saysNothing = /^(?:fetch failed|Unknown ?Error)?$/i

/** What is known of an error that has no text: what it collected, what caused it, its code, its name. */
function textUnder(error: object, depth: number): string {
  const { errors, cause, code, name } = error as { errors?: unknown; cause?: unknown; code?: unknown; name?: unknown }
  const under = [...(Array.isArray(errors) ? (errors as unknown[]) : []), ...(cause === undefined || cause === null ? [] : [cause])]
  const said = depth > 0 ? [...new Set(under.map(each => textWithin(each, depth - 1)))].filter(text => text !== '') : []
  if (said.length > 0) return said.join('; ')
  return [code, name].find((word): word is string => typeof word === 'string' && word !== '' && word !== 'Error') ?? ''
}

function textWithin(error: unknown, depth: number): string {
  if (typeof error !== 'object' || error === null) return String(error).trim()
  const { message } = error as { message?: unknown }
  const text = typeof message === 'string' ? message.trim() : ''
  if (!saysNothing.test(text)) return text
  const under = textUnder(error, depth)
  return under === '' || (text !== '' && under === (error as { name?: unknown }).name) ? text : under
}

/**
 * Text of any thrown value, for a detail. Never empty: an error without a message, such as the one of a port that refused both addresses of a
 * host, has the texts of what it collected or what caused it, else its code or name.
 */
export const errorText = (error: unknown): string => textWithin(error, 5) || 'an error that says nothing'

/** The same with the name that a client of AWS gives its errors; ours say all in their text. */
export const namedErrorText = (error: unknown): string =>
  error instanceof FlowError ? error.message : `${(error as { name?: string }).name ?? 'Error'}: ${errorText(error)}`

import { buildApp } from 'fauxqs'

/** The parts of fauxqs that its package entry does not export; so its version is pinned exactly. */
export interface FauxqsParts {
  s3Store: S3Store
  sqsStore: SqsStore
  /** Closes the files. */
  close: () => void
  app: ReturnType<typeof buildApp>
}

/** A stored object. */
export interface StoredObject {
  key: string
  contentLength: number
  /** With its quotes. */
  etag: string
  lastModified: Date
}

interface S3Store {
  buckets: Map<string, Map<string, StoredObject>>
  hasBucket(name: string): boolean
  createBucket(name: string): void
  persistence: unknown
}

interface SqsQueue {
  enqueue(message: unknown): void
  persistence: unknown
}

interface SqsStore {
  host: string
  region: string
  persistence: unknown
  allQueues(): Iterable<SqsQueue>
  getQueueByName(name: string): SqsQueue | undefined
  createQueue(name: string, url: string, arn: string): SqsQueue
}

interface Modules {
  S3Store: new () => S3Store
  SqsStore: (new () => SqsStore) & { createMessage(body: string): unknown }
  SnsStore: new () => { persistence: unknown }
  FileS3Persistence: new (folder: string) => { loadS3(store: S3Store): void; close(): void }
  PersistenceManager: new (folder: string) => { loadSqsAndSns(sqs: SqsStore, sns: unknown): void; close(): void }
}

const region = 'us-east-1'
const account = '000000000000'
const largestBodyBytes = 1024 ** 3

/**
 * Builds S3 and SQS over files: objects as plain files, queues in SQLite.
 *
 * @param folders Existing data is loaded.
 */
export async function buildFauxqs(folders: { s3: string; sqs: string }): Promise<FauxqsParts> {
  const modules = await loadModules()
  const s3Store = new modules.S3Store()
  const sqsStore = new modules.SqsStore()
  const snsStore = new modules.SnsStore()
  // Without a host, queue URLs take the host of the request: 127.0.0.1 needs no name to be resolved.
  sqsStore.host = ''
  sqsStore.region = region
  // Load first, then attach: otherwise loading writes again what it reads.
  const objects = new modules.FileS3Persistence(folders.s3)
  objects.loadS3(s3Store)
  s3Store.persistence = objects
  const queues = new modules.PersistenceManager(folders.sqs)
  queues.loadSqsAndSns(sqsStore, snsStore)
  sqsStore.persistence = queues
  snsStore.persistence = queues
  for (const queue of sqsStore.allQueues()) queue.persistence = queues
  const app = buildApp({ logger: false, stores: { s3Store, sqsStore, snsStore } as never })
  // The package refuses bodies of more than 11 MiB.
  app.removeContentTypeParser('*')
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: largestBodyBytes }, (_request, body, done) => done(null, body))
  const close = (): void => {
    objects.close()
    queues.close()
  }
  return { s3Store, sqsStore, app, close }
}

/**
 * Makes a queue where it is missing.
 *
 * @returns A function that puts a message into it, stored when it returns.
 */
export async function openQueue(sqsStore: SqsStore, name: string, port: number): Promise<(body: string) => void> {
  const { SqsStore } = await loadModules()
  const queue =
    sqsStore.getQueueByName(name) ??
    sqsStore.createQueue(name, `http://127.0.0.1:${port}/${account}/${name}`, `arn:aws:sqs:${region}:${account}:${name}`)
  return body => queue.enqueue(SqsStore.createMessage(body))
}

/** URL of a queue of the server at this endpoint. */
export const queueUrl = (endpoint: string, name: string): string => `${endpoint}/${account}/${name}`

async function loadModules(): Promise<Modules> {
  const entry = import.meta.resolve('fauxqs')
  const files = ['s3/s3Store.js', 'sqs/sqsStore.js', 'sns/snsStore.js', 's3/fileS3Persistence.js', 'persistence.js']
  const loaded = await Promise.all(files.map(file => import(new URL(file, entry).href) as Promise<Record<string, unknown>>))
  return Object.assign({}, ...loaded) as Modules
}

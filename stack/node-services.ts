import { join } from 'node:path'
import type { Launch, Service } from './child-service.ts'
import { httpAnswers } from './http-answers.ts'

/** Queue that gets a notification for each new object. */
export const notificationQueue = 's3-events'

/** S3 and SQS as a service. @param options.buckets Made at start where they are missing. */
export function s3Service(options: { port: number; folder: string; buckets: readonly string[] }): Service {
  const { port, folder, buckets } = options
  return {
    name: 's3',
    answers: httpAnswers(`http://127.0.0.1:${port}/health`),
    prepare: async () =>
      launchScript('s3-server.ts', [
        '--port',
        String(port),
        '--data',
        folder,
        '--queue',
        notificationQueue,
        ...buckets.flatMap(bucket => ['--bucket', bucket]),
      ]),
  }
}

/** ClickHouse as a service. */
export function clickhouseService(options: { port: number; folder: string }): Service {
  const { port, folder } = options
  return {
    name: 'clickhouse',
    answers: httpAnswers(`http://127.0.0.1:${port}/ping`),
    // Each running query takes a thread of libuv, as does file work: more threads keep inserts going beside slow queries.
    prepare: async () =>
      launchScript('clickhouse-server.ts', ['--port', String(port), '--data', folder], { TZ: 'UTC', UV_THREADPOOL_SIZE: '32' }),
  }
}

const launchScript = (script: string, args: string[], env: Record<string, string> = {}): Launch => ({
  command: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, script), ...args],
  // The child of a test must not take itself for a test, and options meant for the parent are not for it.
  env: { NODE_TEST_CONTEXT: '', NODE_OPTIONS: '', ...env },
})

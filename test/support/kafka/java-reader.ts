/** Reads topics with the Java client: a witness that shares no code with kafkajs. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A record as the Java client sees it. */
export interface WitnessedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
}

const bytes = (text: string): Buffer | null => (text === '-' ? null : Buffer.from(text, 'base64'))

function headersOf(text: string): Record<string, Buffer> {
  const pairs = text.split(',').filter(pair => pair !== '')
  return Object.fromEntries(pairs.map(pair => [pair.slice(0, pair.indexOf('=')), Buffer.from(pair.slice(pair.indexOf('=') + 1), 'base64')]))
}

/**
 * Reads whole topics, committed records only.
 *
 * @param jars Folder with the Kafka jars of the local stack.
 */
export async function readWithJava(
  jars: string,
  broker: string,
  topicNames: readonly string[],
  visit: (record: WitnessedRecord) => void,
): Promise<void> {
  const source = join(import.meta.dirname, 'java', 'ReadCommitted.java')
  const child = spawn('java', ['-Xmx512m', '-cp', join(jars, '*'), source, broker, ...topicNames], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4000)))
  const ended = new Promise<number | null>(resolve => child.on('close', code => resolve(code)))
  for await (const line of createInterface({ input: child.stdout })) {
    const [topic, partition, offset, key, value, headers] = line.split('\t') as [string, string, string, string, string, string]
    visit({
      topic,
      partition: Number(partition),
      offset: Number(offset),
      key: bytes(key),
      value: bytes(value),
      headers: headersOf(headers),
    })
  }
  const code = await ended
  if (code !== 0) throw new Error(`the Java reader ended with ${code}: ${complaints}`)
}

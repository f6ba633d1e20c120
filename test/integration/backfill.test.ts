/** Backfill on the real services: counts, resumes, repeats without effect, beside live work; the books agree. */
import assert from 'node:assert/strict'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { stringify } from 'yaml'
import { audit } from '../../operations/audit.ts'
import { parseRange } from '../../cli/backfill.ts'
import { backfillTexts } from '../../cli/print/backfill-progress.ts'
import { backfill, type BackfillEvent, type BackfillReport } from '../../operations/backfill/backfill.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { flowloom } from '../support/processes/command-line.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const dayS = 86_400

test('reads past days beside live work, goes on after a stop, and repeated adds nothing', { timeout: 240_000 }, async t => {
  const settings = await freshSettings({
    lookups: { country: 'none', asn: 'none' },
    s3: { lookBackMs: 3_600_000, pollIntervalMs: 500 },
    log: { level: 'silent' },
  })
  const run = await LocalRun.open(settings)
  const { bucket, session } = run
  const client = s3Client(session.config.s3.endpoint!)
  const folder = mkdtempSync(join(tmpdir(), 'flowloom-backfill-'))
  const file = join(folder, 'flowloom.yaml')
  writeFileSync(file, stringify(settings))
  try {
    await createBucket(client, bucket)
    // far enough in the past that polling does not look there, around a midnight
    const midnightS = Math.floor(Date.now() / 1000 / dayS) * dayS - 9 * dayS
    const past = [
      ...generateObjects({ seed: 81, records: 6000, startS: midnightS - 3600, slots: 24, recordsPerObject: 100, badLineShare: 0.01 }),
    ]
    const live = [...generateObjects({ seed: 82, records: 600, startS: Date.now() / 1000 - 900, slots: 2, recordsPerObject: 100 })]
    for (const { key, body } of past) await putObject(client, bucket, key, body)
    const day = (s: number): string => new Date(s * 1000).toISOString().slice(0, 10)
    const words = ['--from', day(midnightS - 1), '--to', day(midnightS)]
    const range = parseRange({ positionals: [`s3://${bucket}`], values: { from: words[1]!, to: words[3]! } }, Date.now())

    const dry = await flowloom(['backfill', `s3://${bucket}/AWSLogs`, ...words, '--dry-run', '-c', file])
    assert.equal(dry.code, 0, dry.err)
    assert.match(dry.out, new RegExp(`^${past.length} objects, .*: 0 are read already, 0 have failed, ${past.length} are to be read$`, 'm'))
    assert.match(dry.out, new RegExp(`${past.length} GET`))
    assert.equal((await ledgerRecords(session)).size, 0)

    run.start()
    const stop = new AbortController()
    const said: string[] = []
    const tell = (event: BackfillEvent): void => void said.push(...backfillTexts(event))
    const first = backfill(
      session,
      range,
      {
        ahead: 3,
        tell: event => {
          tell(event)
          if (event.kind === 'progress' && event.counts.done + event.counts.failed > 0) stop.abort()
        },
      },
      stop.signal,
    )
    await assert.rejects(first)
    const half = [...(await ledgerRecords(session)).values()].flat().filter(({ state }) => state === 'done').length
    assert.ok(half < past.length, `${half} of ${past.length} were read before the stop`)
    const second = backfill(session, range, { ahead: 50, tell }, new AbortController().signal)
    for (const { key, body } of live) await putObject(client, bucket, key, body)
    const report: BackfillReport = await second
    assert.deepEqual([report.objects, report.done, report.failed, report.unlisted], [past.length, past.length, 0, 0])
    assert.ok(report.before > 0 && report.announced < past.length, 'it went on where it had stopped')
    assert.match(said.at(-1)!, /^\[#{24}\] 100 %/)
    t.diagnostic(`${half} read before the stop; ${said.at(-1)!}`)

    await settled(run.store, past.length + live.length, 60_000)
    const again = await flowloom(['backfill', `s3://${bucket}`, ...words, '-c', file])
    assert.equal(again.code, 0, again.err)
    assert.match(again.out, new RegExp(`^0 objects announced; ${past.length} of ${past.length} are read$`, 'm'))
    await run.stop()
    const books = await audit(session, true, () => undefined)
    assert.deepEqual([books.differences, books.objects], [[], past.length + live.length])
    for (const [key, records] of await ledgerRecords(session)) assert.equal(records.filter(({ state }) => state === 'done').length, 1, key)

    const nothing = await flowloom(['backfill', `s3://${bucket}/nowhere`, ...words, '-c', file])
    assert.deepEqual([nothing.code, nothing.err.includes('has no flow log objects')], [1, true], nothing.err)
    const wrong = await flowloom(['backfill', bucket, '-c', file])
    assert.deepEqual([wrong.code, wrong.err.includes('s3://bucket')], [2, true], wrong.err)
  } finally {
    await run.close()
    client.destroy()
    rmSync(folder, { recursive: true, force: true })
  }
})

/**
 * The path on the upstream images of docker-compose.yml: FLOWLOOM_TEST_STACK=containers. It is left out, with its reason, where it is not
 * asked for or no engine can start a container; REQUIRE_DOCKER=1 asks for it and makes that a failure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../operations/audit.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { errorText } from '../../runtime/errors.ts'
import { startContainers, type Containers } from '../support/processes/containers.ts'
import { settingsFor } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

const required = process.env['REQUIRE_DOCKER'] === '1'

test('brings records from S3 to the table on the images of docker-compose.yml', { timeout: 900_000 }, async t => {
  if (!required && process.env['FLOWLOOM_TEST_STACK'] !== 'containers') {
    t.skip('set FLOWLOOM_TEST_STACK=containers to run it on containers')
    return
  }
  let containers: Containers
  try {
    containers = await startContainers()
  } catch (error) {
    if (required) throw error
    t.skip(`no container can be started here: ${errorText(error)}`)
    return
  }
  try {
    const settings = settingsFor(containers.endpoints, { kafka: { replicationFactor: 1 }, lookups: { country: 'none', asn: 'none' } })
    const run = await LocalRun.open(settings)
    try {
      const client = s3Client(containers.endpoints.s3Endpoint)
      await createBucket(client, run.bucket)
      const startS = Math.floor(Date.now() / 300_000) * 300 - 600
      const objects = [...generateObjects({ seed: 4, records: 4000, startS, slots: 1, badLineShare: 0.01 })]
      for (const { key, body } of objects) await putObject(client, run.bucket, key, body)
      run.start()
      await settled(run.store, objects.length, 120_000)
      await sleep(1000)
      const report = await audit(run.session, true, () => undefined)
      assert.deepEqual(report.differences, [])
      assert.equal(report.objects, objects.length)
    } finally {
      await run.close()
    }
  } finally {
    await containers.stop()
  }
})

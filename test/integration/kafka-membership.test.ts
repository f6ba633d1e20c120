/** J: membership with a stable slot name, in processes of their own (this very file), because the name belongs to the process. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { checkConfig, type RawConfig } from '../../config/config.ts'
import { FlowError } from '../../runtime/errors.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { Membership } from '../../runtime/kafka/membership.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { createLog } from '../../runtime/log.ts'
import { topics } from '../../schemas/topics.ts'
import { Lab, until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'

const job = process.env['FLOWLOOM_TEST_MEMBER']
if (job !== undefined) await beMember(checkConfig(JSON.parse(job)))
else defineTests()

/** Tells on standard output what happens to it; leaves the group when standard input ends. */
async function beMember(config: ReturnType<typeof checkConfig>): Promise<void> {
  const cluster = new Cluster(config.kafka, createLog('silent'))
  const names = [cluster.topicName(topics.objectArrivals), cluster.topicName(topics.objects)]
  const tell = (text: string): void => void process.stdout.write(`${text}\n`)
  const listener = { assigned: (partitions: readonly number[]) => tell(`assigned ${partitions.join()}`), fetched: () => false }
  const member = new Membership(cluster, 'member', names, 4, listener)
  member.failed.catch((error: unknown) => tell(`failed ${error instanceof FlowError ? error.code : String(error)}`))
  await member.start()
  process.stdin.resume()
  await new Promise(resolve => process.stdin.once('end', resolve))
  await member.stop()
  await cluster.close()
}

function defineTests(): void {
  const children = new Set<ChildProcess>()
  let settings: RawConfig

  before(async () => {
    // far above what the tests wait for: nobody is helped by a session that ends
    settings = await freshSettings({ log: { level: 'silent' } })
    Object.assign(settings['kafka']!, { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 20_000 })
    const lab = new Lab(checkConfig(settings))
    await applyTopics(lab.cluster)
    await lab.close()
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await releaseStack()
  })

  class Member {
    readonly said: string[] = []
    readonly child: ChildProcess

    constructor(slot: string | undefined) {
      const kafka = { ...settings['kafka'], ...(slot === undefined ? {} : { slot }) }
      const environment: NodeJS.ProcessEnv = { ...process.env, FLOWLOOM_TEST_MEMBER: JSON.stringify({ ...settings, kafka }) }
      delete environment['NODE_TEST_CONTEXT']
      this.child = spawn(process.execPath, ['--no-warnings', import.meta.filename], {
        env: environment,
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      children.add(this.child)
      createInterface({ input: this.child.stdout! }).on('line', line => this.said.push(line))
    }

    /** Waits until it has that many partitions. */
    async has(count: number): Promise<void> {
      await until(
        () => this.said.at(-1) !== undefined && this.partitions.length === count,
        15_000,
        `${count} partitions (${this.said.join('; ')})`,
      )
    }

    get partitions(): number[] {
      const [what, list] = (this.said.at(-1) ?? '').split(' ')
      return what === 'assigned' && list !== undefined && list !== '' ? list.split(',').map(Number) : []
    }

    async ended(): Promise<void> {
      if (this.child.exitCode === null && this.child.signalCode === null) await new Promise(resolve => this.child.once('exit', resolve))
    }
  }

  test('J: a slot that is killed and started again, taken over, and left by a planned stop', { timeout: 90_000 }, async t => {
    const first = new Member('a')
    const other = new Member('b')
    await Promise.all([first.has(2), other.has(2)])

    let second!: Member
    await t.test('after SIGKILL the new process of the slot has its partitions without waiting for the session', async () => {
      first.child.kill('SIGKILL')
      await first.ended()
      second = new Member('a')
      await second.has(2)
      await other.has(2)
      assert.deepEqual([...second.partitions, ...other.partitions].sort(), [0, 1, 2, 3])
    })

    let third!: Member
    await t.test('a process whose slot another one takes ends with MEMBER_REPLACED and does not come back', async () => {
      third = new Member('a')
      await third.has(2)
      await until(() => second.said.at(-1) === 'failed MEMBER_REPLACED', 15_000, second.said.join('; '))
      await other.has(2)
      assert.deepEqual([...third.partitions, ...other.partitions].sort(), [0, 1, 2, 3])
    })

    await t.test('a planned stop leaves the group: the others have all at once', async () => {
      third.child.stdin!.end()
      await third.ended()
      await other.has(4)
    })
  })
}

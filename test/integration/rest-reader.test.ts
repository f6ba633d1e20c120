/** What a role has not read yet: records count, marks, aborted records and what is open do not, and nothing is certain while it is open. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readRest, type RestPart } from '../../runtime/kafka/rest-reader.ts'
import { Lab } from '../support/kafka/kafka-lab.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

test('the rest of a role is every committed record after its position, and marks alone are none', { timeout: 120_000 }, async () => {
  const lab = await Lab.open()
  try {
    const topic = await lab.topic({ partitions: 3 })
    const name = lab.nameOf(topic)
    const producer = lab.fenced('writer')
    await producer.fence()
    const send = (partition: number, ...values: string[]): Promise<void> =>
      producer.send(
        name,
        partition,
        values.map(value => ({ key: null, value: Buffer.from(value) })),
      )
    const position = (partition: number, offset: number): Promise<boolean> =>
      producer.commit({ topic: name, id: lab.cluster.groupOf('role'), partition, position: { offset, metadata: '' } })
    const rest = async (limits = {}): Promise<[string[], RestPart[]]> => {
      const values: string[] = []
      const parts = await readRest(lab.cluster, 'role', topic, ({ value }, partition) => values.push(`${partition} ${String(value)}`), {
        most: 1000,
        openMs: 500,
        ...limits,
      })
      return [values.sort(), parts]
    }
    const unread = (parts: readonly RestPart[]): unknown[] => parts.map(part => part.unread)

    assert.deepEqual((await rest())[0], [], 'nothing was ever written')
    // partition 0: a, b, mark; partition 1: x, mark
    await send(0, 'a', 'b')
    await send(1, 'x')
    await producer.commit()
    const [all, parts] = await rest()
    assert.deepEqual(
      [all, parts.map(part => part.position)],
      [
        ['0 a', '0 b', '1 x'],
        [null, null, null],
      ],
    )
    await position(0, 1)
    await position(1, 1)
    assert.deepEqual((await rest())[0], ['0 b'])
    await position(0, 2)
    const [none, [part]] = await rest()
    assert.deepEqual([none, part], [[], { partition: 0, start: 0, position: 2, end: 3, unread: null }], 'a mark is no lag')

    // aborted records are none either
    const aborting = lab.fenced('aborted')
    await aborting.fence()
    await aborting.send(name, 0, [{ key: null, value: Buffer.from('never') }])
    const open = await rest()
    assert.deepEqual([open[0], unread(open[1])], [[], ['open', null, null]], 'nobody can say what becomes of an open transaction')
    await aborting.close(false)
    const successor = lab.fenced('aborted')
    await successor.fence()
    const [aborted, after] = await rest({ openMs: 5000 })
    assert.deepEqual([aborted, unread(after)], [[], [null, null, null]])

    // behind the marks comes a record
    await send(0, 'c')
    await producer.commit()
    assert.deepEqual((await rest({ openMs: 5000 }))[0], ['0 c'])
    const tooMany = await rest({ most: 0 })
    assert.deepEqual([tooMany[0], tooMany[1][0]!.unread], [[], 'many'])
  } finally {
    await lab.close()
  }
})

test('a commit that was answered is in the rest, though its mark may not stand in the partition yet', { timeout: 120_000 }, async () => {
  const lab = await Lab.open()
  try {
    const topic = await lab.topic()
    const producer = lab.fenced('writer')
    await producer.fence()
    for (let i = 0; i < 30; i++) {
      await producer.send(lab.nameOf(topic), 0, [{ key: null, value: Buffer.from(String(i)) }])
      await producer.commit()
      let last = ''
      const [part] = await readRest(lab.cluster, 'role', topic, ({ value }) => (last = String(value)), { most: 1000, openMs: 5000 })
      assert.deepEqual([last, part!.unread], [String(i), null])
    }
  } finally {
    await lab.close()
  }
})

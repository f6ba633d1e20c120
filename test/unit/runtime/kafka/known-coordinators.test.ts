/** Who coordinates a transactional id is asked once, and again when it has moved or anything goes wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rememberCoordinators, type CoordinatedCluster } from '../../../../runtime/kafka/known-coordinators.ts'

/** A cluster of which broker `leader` coordinates everything. */
function clusterOf() {
  const state = { leader: '1', asked: 0, done: [] as string[], failure: undefined as Error | undefined, gone: '' }
  const broker = (nodeId: string) => {
    const call = (name: string) => (): Promise<unknown> => {
      if (state.failure !== undefined) return Promise.reject(state.failure)
      if (nodeId !== state.leader) return Promise.reject(Object.assign(new Error('moved'), { type: 'NOT_COORDINATOR_FOR_GROUP' }))
      state.done.push(`${nodeId} ${name}`)
      return Promise.resolve()
    }
    const names = ['initProducerId', 'addPartitionsToTxn', 'addOffsetsToTxn', 'txnOffsetCommit', 'endTxn'] as const
    return {
      nodeId,
      ...(Object.fromEntries(names.map(name => [name, call(name)])) as Record<(typeof names)[number], () => Promise<unknown>>),
    }
  }
  const cluster: CoordinatedCluster = {
    findGroupCoordinator: () => {
      state.asked++
      return Promise.resolve(broker(state.leader))
    },
    findBroker: ({ nodeId }) => (nodeId === state.gone ? Promise.reject(new Error('no such broker')) : Promise.resolve(broker(nodeId))),
  }
  rememberCoordinators(cluster)
  const of = (groupId: string, coordinatorType = 1) => cluster.findGroupCoordinator({ groupId, coordinatorType })
  return { state, of }
}

test('it is asked once for each id and kind', async () => {
  const { state, of } = clusterOf()
  for (let i = 0; i < 3; i++) {
    await (await of('a')).addPartitionsToTxn({})
    await (await of('a', 0)).txnOffsetCommit({})
    await (await of('b')).endTxn({})
  }
  assert.equal(state.asked, 3)
  assert.equal(state.done.length, 9)
})

test('a request to one that has moved goes to its successor', async () => {
  const { state, of } = clusterOf()
  await (await of('a')).endTxn({})
  const held = await of('a')
  state.leader = '2'
  await held.endTxn({})
  await (await of('a')).endTxn({})
  assert.deepEqual(state.done, ['1 endTxn', '2 endTxn', '2 endTxn'])
  assert.equal(state.asked, 2)
})

test('after another error, and when the broker is gone, it is asked again', async () => {
  const { state, of } = clusterOf()
  await (await of('a')).endTxn({})
  state.failure = new Error('connection closed')
  await assert.rejects((await of('a')).endTxn({}), /connection closed/)
  state.failure = undefined
  await (await of('a')).endTxn({})
  assert.equal(state.asked, 2)
  state.gone = '1'
  state.leader = '2'
  await (await of('a')).endTxn({})
  assert.equal(state.asked, 3)
  assert.equal(state.done.at(-1), '2 endTxn')
})

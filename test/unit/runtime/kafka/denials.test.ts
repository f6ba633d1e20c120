import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deniedError } from '../../../../runtime/kafka/denials.ts'

const denied = (kind: string): object => ({ type: `${kind}_AUTHORIZATION_FAILED` })

for (const { name, request, asked, error, expect } of [
  { name: 'a topic', request: 'produce', asked: { topicData: [{ topic: 'a' }] }, error: denied('TOPIC'), expect: 'Write on the topic "a"' },
  {
    name: 'many topics',
    request: 'describeConfigs',
    asked: { resources: ['a', 'b', 'c', 'd', 'e'].map(topic => ({ name: topic })) },
    error: denied('TOPIC'),
    expect: 'DescribeConfigs on one of the topics "a", "b", "c" and 2 more',
  },
  {
    name: 'one of the topics to create',
    request: 'createTopics',
    asked: { topics: [{ topic: 'a' }, { topic: 'b' }] },
    error: {
      errors: [
        { type: 'TOPIC_ALREADY_EXISTS', topic: 'a' },
        { ...denied('TOPIC'), topic: 'b' },
      ],
    },
    expect: 'Create on the topic "b"',
  },
  {
    name: 'a group',
    request: 'offsetFetch',
    asked: { groupId: 'g', topics: [] },
    error: denied('GROUP'),
    expect: 'Describe on the group "g"',
  },
  { name: 'groups to delete', request: 'deleteGroups', asked: ['g'], error: denied('GROUP'), expect: 'Delete on the group "g"' },
  {
    name: 'a transactional id whose coordinator is looked for',
    request: 'findGroupCoordinator',
    asked: { groupId: 't.0', coordinatorType: 1 },
    error: denied('TRANSACTIONAL_ID'),
    expect: 'Describe on the transactional id "t.0"',
  },
  { name: 'the cluster', request: 'initProducerId', asked: {}, error: denied('CLUSTER'), expect: 'IdempotentWrite on the cluster' },
] as const)
  test(`a denial about ${name} says operation and resource`, () => {
    const fault = deniedError(request, asked, error)
    assert.equal(fault?.code, 'KAFKA_DENIED')
    assert.ok(fault.message.includes(`denies ${expect} to this login`), fault.message)
  })

test('an error that is no denial stays what it is', () => {
  assert.equal(deniedError('metadata', [], { type: 'LEADER_NOT_AVAILABLE' }), undefined)
  assert.equal(deniedError('deleteGroups', ['g'], undefined), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { registryFault } from '../../../runtime/registry-request.ts'

for (const { name, error, expect } of [
  {
    name: 'a request without an answer, from the client of the registry',
    error: Object.assign(new Error('Confluent_Schema_Registry - Error, status 400: connect ECONNREFUSED 127.0.0.1:1'), { status: 400 }),
    expect: 'connect ECONNREFUSED 127.0.0.1:1',
  },
  {
    name: 'a request without an answer, from fetch',
    error: new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') }),
    expect: 'connect ECONNREFUSED 127.0.0.1:1',
  },
  {
    name: 'a refused login',
    error: Object.assign(new Error('Confluent_Schema_Registry - Unauthorized'), { status: 401 }),
    expect: 'Unauthorized; check registry.username and registry.password',
  },
  {
    name: 'a page of another server, in one line',
    error: Object.assign(new Error('Confluent_Schema_Registry - Error, status 404: <Error>\n  <Code>NoSuchBucket</Code>\n</Error>'), {
      status: 404,
    }),
    expect:
      'Error, status 404: <Error> <Code>NoSuchBucket</Code> </Error>; check the path in registry.url: that of Apicurio ends with /apis/ccompat/v7',
  },
])
  test(`says of ${name} what lies under it`, () => {
    assert.equal(registryFault(error), expect)
  })

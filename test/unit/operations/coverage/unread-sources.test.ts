import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unreadSources } from '../../../../operations/coverage/unread-sources.ts'
import { unreadText } from '../../../../cli/print/coverage-report.ts'
import { checkConfig } from '../../../../config/config.ts'

test('a source that finds nothing is said by coverage, in one line, whatever was read of the others', async () => {
  const sources = [{ bucket: 'a' }, { bucket: 'a', prefix: 'net' }, { bucket: 'a', prefix: 'hose', layout: 'firehose' }, { bucket: 'b' }]
  const keys = ['a/AWSLogs/1/x', 'a/hoses/x', 'b/AWSLogs/2/y']
  const store = {
    query: <T>(_sql: string, parameters?: Readonly<Record<string, unknown>>): Promise<T[]> =>
      Promise.resolve(keys.filter(key => key.startsWith(`${String(parameters!['bucket'])}/${String(parameters!['root'])}`)) as T[]),
  }
  const unread = await unreadSources(store, checkConfig({ s3: { sources } }).s3.sources)
  assert.deepEqual(unread, ['s3://a/net/AWSLogs/', 's3://a/hose/'])
  assert.match(unreadText(unread), /^no object of the source s3:\/\/a\/net\/AWSLogs\/ was ever read: .*\nno object .*\n$/)
  assert.equal(unreadText([]), '')
})

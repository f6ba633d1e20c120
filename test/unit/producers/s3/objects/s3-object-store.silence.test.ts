import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { checkConfig } from '../../../../../config/config.ts'
import { textChunks } from '../../../../../producers/s3/text/object-text.ts'
import { download } from '../../../../../producers/s3/fetch/read-ahead.ts'
import { createS3Stores } from '../../../../../producers/s3/objects/s3-object-store.ts'

for (const [kind, size] of [
  ['small', 100_000],
  ['large', 10_000_000],
] as const)
  test(`a ${kind} download that falls silent is broken off, so that it holds up its partition no longer`, { timeout: 20_000 }, async t => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { etag: '"x"', 'content-length': String(size) })
      response.write(Buffer.alloc(1000, 'x'))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const { s3 } = checkConfig({
      s3: { endpoint: `http://127.0.0.1:${port}`, pathStyle: true, accessKeyId: 'a', secretAccessKey: 'b' },
    })
    const name = { bucket: 'b', key: 'k' }
    await assert.rejects(
      async () => {
        const { body } = await download(createS3Stores(s3, 300), name, { signal: t.signal })
        for await (const chunk of textChunks(body, name)) assert.ok(chunk.length > 0)
      },
      { code: 'S3_UNAVAILABLE' },
    )
  })

import { connect } from 'node:net'

const metadataRequest = makeMetadataRequest()

/**
 * Asks a broker for its metadata over a plain socket.
 *
 * @returns True when the cluster has a broker that takes requests (an accepted connection alone says less: a broker listens before it
 *   has joined its cluster).
 * @throws The error of the socket, or a timeout after 2 s.
 */
export function kafkaAnswers(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0)
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(metadataRequest))
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer within 2 s')))
    socket.once('error', reject)
    socket.once('close', () => resolve(false))
    socket.on('data', chunk => {
      answer = Buffer.concat([answer, chunk])
      // int32 size, int32 correlation id, int32 throttle time, int32 number of brokers
      if (answer.length < 16) return
      resolve(answer.readInt32BE(12) > 0)
      socket.destroy()
    })
  })
}

/** Metadata request, version 5, for no topic. @see https://kafka.apache.org/protocol#The_Messages_Metadata */
function makeMetadataRequest(): Buffer {
  const clientId = 'flowloom-stack'
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + clientId.length + 4 + 1)
  let at = request.writeInt32BE(request.length - 4)
  at = request.writeInt16BE(3, at)
  at = request.writeInt16BE(5, at)
  at = request.writeInt32BE(1, at)
  at = request.writeInt16BE(clientId.length, at)
  at += request.write(clientId, at, 'latin1')
  at = request.writeInt32BE(0, at)
  request.writeInt8(0, at)
  return request
}

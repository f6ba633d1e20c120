/** Whether anybody listens at the brokers: asked before the client is, which tries for long and tells it in its own words. */
import { connect } from 'node:net'
import { errorText, FlowError, isNameless } from '../runtime/errors.ts'

const longestMs = 5000

function tryPort(broker: string): Promise<string | undefined> {
  const at = broker.lastIndexOf(':')
  const socket = connect({ host: broker.slice(0, at), port: Number(broker.slice(at + 1)) })
  return new Promise(resolve => {
    const done = (trouble: string | undefined): void => {
      resolve(trouble)
      socket.destroy()
    }
    socket.setTimeout(longestMs, () => done(`${broker} does not answer`))
    socket.once('connect', () => done(undefined))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (isNameless(error)) done(`DNS does not know the name ${broker.slice(0, at)}`)
      else done(error.code === 'ECONNREFUSED' ? `nobody listens at ${broker}` : `${broker}: ${errorText(error)}`)
    })
  })
}

/**
 * Resolves if one of the brokers takes a connection.
 *
 * @throws FlowError KAFKA_UNAVAILABLE.
 */
export async function reachBroker(brokers: readonly string[]): Promise<void> {
  const troubles = await Promise.all(brokers.map(tryPort))
  if (troubles.includes(undefined)) return
  throw new FlowError('KAFKA_UNAVAILABLE', { brokers: brokers.join(', '), detail: `${troubles.join('; ')}: check kafka.brokers` })
}

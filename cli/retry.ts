/** `flowloom retry`: another attempt for objects that failed, after a person has fixed what was wrong. */
import { counted } from '../runtime/counted.ts'
import { announceRetries, findUnread } from '../operations/retry.ts'
import { openSession } from '../operations/session.ts'
import { configOption, type Command } from './arguments/command.ts'
import { parsePlace } from './arguments/s3-place.ts'
import { escapeText } from './print/escape-text.ts'
import { describeFilter, narrowed } from './print/filter.ts'

const shownObjects = 20

/** The command. */
export const retryCommand: Command = {
  name: 'retry',
  summary: 'read failed objects again, after what was wrong is fixed',
  options: {
    config: configOption,
    prefix: { type: 'string', value: 's3://bucket/prefix', doc: 'only objects there; without s3://bucket/, of any bucket' },
    'dry-run': { type: 'boolean', doc: 'only say which objects these are' },
  },
  details:
    'Also hurries objects that wait for their next attempt. Fetch must run, or is to be started, to read them.\nExit code 1 if --prefix names a place of which no object has failed or waits.',
  async run({ values, signal }) {
    const prefix = values['prefix'] as string | undefined
    const place = prefix === undefined ? undefined : parsePlace(prefix, 'retry')
    const filter = describeFilter({ prefix: place })
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    try {
      const unread = await findUnread(session, place)
      for (const { key, record } of unread.slice(0, shownObjects))
        console.log(
          escapeText(`s3://${key.bucket}/${key.key}: ${record.errorCode ?? record.state}, ${counted(record.attempts, 'attempt')}`),
        )
      if (unread.length > shownObjects) console.log(`... and ${unread.length - shownObjects} more`)
      if (values['dry-run'] !== true && unread.length > 0) await announceRetries(session, unread)
      if (unread.length === 0) {
        console.log(narrowed(filter, 'no object has failed or waits for another attempt: nothing to read again'))
        return place === undefined ? 0 : 1
      }
      console.log(
        narrowed(filter, `${counted(unread.length, 'object')}${values['dry-run'] === true ? ', nothing done' : ' announced again'}`),
      )
      return 0
    } finally {
      await session.cluster.close()
    }
  },
}

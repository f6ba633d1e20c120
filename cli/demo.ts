/** `flowloom demo`: the whole path on this machine, from an empty folder to answers. */
import { runDemo, type DemoListener } from '../operations/demo/run-demo.ts'
import { FlowError } from '../runtime/errors.ts'
import type { Command } from './arguments/command.ts'
import { formatAudit } from './print/audit-table.ts'
import { answerTexts, progressLine, whatNext } from './print/demo-text.ts'

function parseRecords(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new FlowError('USAGE', { detail: `--records takes a number, not "${text}"`, command: 'demo' })
  return Number(text)
}

const print = (text: string): void => console.log(text)

const listener: DemoListener = {
  service: print,
  progress: progress => print(progressLine(progress)),
  audited(report) {
    print(`\nConservation: every line, counted in S3, in the topics and in the table\n`)
    print(formatAudit(report, true))
  },
  answered(answers, seconds) {
    for (const text of answerTexts(answers)) print(text)
    print(`\nanswers after ${seconds.toFixed(0)} s`)
    for (const fault of answers.faults) print(`WRONG: ${fault}`)
  },
  ready: (env, urls) => print(whatNext(env, urls)),
  stopping: () => print('\nstopping'),
}

/** The command. */
export const demoCommand: Command = {
  name: 'demo',
  endsOnSignal: true,
  summary: 'start everything on this machine, run the main job on sample logs, show answers',
  options: {
    exit: { type: 'boolean', doc: 'verify the answers and end: exit code 0 if all is right' },
    records: { type: 'string', value: 'N', doc: 'generated records; default 200000' },
    keep: { type: 'boolean', doc: 'keep the data of an earlier demo (a second run over the same bucket adds nothing)' },
  },
  details: 'Ports and folder of the services: see `npm run stack -- --help`; STACK_KAFKA_PORT and the like change them here too.',
  async run({ values, signal }) {
    const records = parseRecords((values['records'] as string | undefined) ?? '200000')
    const right = await runDemo({ records, keep: values['keep'] === true, exit: values['exit'] === true }, listener, signal)
    return right === undefined ? 130 : right ? 0 : 1
  },
}

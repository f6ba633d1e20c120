/** `flowloom topology`: draws the path from topology.ts. */
import { loadConfig } from '../config/config.ts'
import { configOption, type Command } from './arguments/command.ts'
import { drawTopology } from './print/topology-drawing.ts'

/** The command. */
export const topologyCommand: Command = {
  name: 'topology',
  summary: 'draw the path: parts and topics',
  options: { config: configOption },
  async run({ values }) {
    console.log(drawTopology(loadConfig({ file: values['config'] as string | undefined }).kafka.topicPrefix))
    return 0
  },
}

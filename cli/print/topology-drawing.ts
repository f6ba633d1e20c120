/** The path as text. */
import { topicName, topics, type TopicId } from '../../schemas/topics.ts'
import { topology, type Topology } from '../../topology.ts'

/** The topology as text: each part with what it reads and writes. */
export function drawTopology(prefix: string, parts: Topology = topology): string {
  const name = (id: TopicId): string => topicName(prefix, topics[id])
  return parts
    .map(part => {
      const own = [...part.states, ...part.reads]
      return [
        `${part.kind} ${part.name}: ${part.doc}`,
        ...part.from.map(id => `  <── ${name(id)}`),
        ...part.states.map(id => `  <─> ${name(id)}  (its state)`),
        ...part.reads.map(id => `  <─> ${name(id)}  (looked up by key)`),
        ...part.sideTables.map(id => `  <── ${name(id)}  (kept in memory)`),
        ...part.to.filter(id => !own.includes(id)).map(id => `  ──> ${name(id)}`),
        ...(part.fills === undefined ? [] : [`  ──> ${part.fills}`]),
      ].join('\n')
    })
    .join('\n\n')
}

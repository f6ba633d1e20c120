/** The path as text. */
import { topicName, topics, type TopicId } from '../../schemas/topics.ts'
import { topology } from '../../topology.ts'

/** The topology as text: each part with what it reads and writes. */
export function drawTopology(prefix: string): string {
  const name = (id: TopicId): string => topicName(prefix, topics[id])
  return topology
    .map(node => {
      const lines = [`${node.kind} ${node.name}: ${node.doc}`]
      for (const id of node.from) lines.push(`  <── ${name(id)}`)
      if (node.state !== undefined) lines.push(`  <─> ${name(node.state)}  (its state)`)
      for (const id of node.reads ?? []) lines.push(`  <─> ${name(id)}  (looked up by key)`)
      for (const id of node.to) if (id !== node.state && node.reads?.includes(id) !== true) lines.push(`  ──> ${name(id)}`)
      if (node.kind === 'sink') lines.push('  ──> ClickHouse')
      return lines.join('\n')
    })
    .join('\n\n')
}

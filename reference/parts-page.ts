/** docs/reference/parts.md. */
import type { Guard } from '../runtime/part.ts'
import type { RoleShape, SourceShape } from '../runtime/task.ts'
import { topics, type TopicId } from '../schemas/topics.ts'
import { topology, type Topology } from '../topology.ts'
import { code, generatedMark, table } from './markdown.ts'

const names = (ids: readonly TopicId[]): string => ids.map(id => code(topics[id].name)).join(', ') || 'none'

/** What happens if the broker has forgotten the position. */
function guardText({ repeated, missed }: Guard<never>): string {
  const again =
    'harmless' in repeated
      ? `harmless: ${repeated.harmless}`
      : 'refusedIfWritten' in repeated
        ? `refuses to start (\`POSITION_LOST\`) if ${code(topics[repeated.refusedIfWritten].name)} has records`
        : `refuses to start (\`POSITION_LOST\`) if ${repeated.refusedIfFound.doc} has the row of the first record`
  if (missed !== 'refused' && 'harmless' in missed) return again
  const begun = missed === 'refused' ? '' : `, and ${missed.refusedIfBegun.doc}`
  return `${again}; refuses (\`OFFSET_LOST\`) if retention has removed the beginning of its topic${begun}`
}

const groupOf = ({ name, group = name }: RoleShape | SourceShape): string => code(`flowloom.${group}`)

function section(part: Topology[number]): string[] {
  const roles = [...part.sources, ...part.roles]
  const settings = Object.keys(part.settings).map(code)
  const lines = [
    `Reads ${names(part.from)}; writes ${part.fills ?? names(part.to)}; state ${names(part.states)}; looks up by key ${names(part.reads)}; keeps in memory ${names(part.sideTables)}.`,
    `Settings: ${settings.join(', ')}, and the sections that all parts share.`,
    part.reset === undefined
      ? 'It cannot be reset.'
      : `\`flowloom reset ${part.name}\` drops its ${part.reset.drops} and forgets its positions.`,
  ]
  return [
    `## ${part.name}\n`,
    `A ${part.kind}: ${part.doc}.\n`,
    ...lines.map(line => `${line}\n`),
    table(
      ['role', 'consumer group', 'if its position is lost'],
      roles.map(role => [code(role.name), groupOf(role), guardText(part.guard[role.name]!)]),
    ),
  ]
}

/** Every part of the path: what it reads, writes, needs, and what a lost position means. */
export function partsPage(parts: Topology = topology): string {
  return [
    generatedMark('topology.ts and the parts that it joins'),
    '# Parts\n',
    'The parts of the path, in the order in which data flows. `flowloom run --roles` takes their names. A role is what a part runs: its name stands in logs and metrics (label `role`), its consumer group begins with `kafka.deployment` (here the default), and its transactional ids are the group and the partition. Topics are named without prefix and version.\n',
    ...parts.flatMap(section),
  ].join('\n')
}

/** docs/reference/fields.md. */
import { flowFields } from '../flow/fields.ts'
import { flowKey, flowValue } from '../schemas/flow-record.ts'
import { fieldRows, typeText } from './avro-text.ts'
import { code, generatedMark, table } from './markdown.ts'

const logged = new Set<string>(flowFields.map(field => field.record))
const groups = new Set<string>(flowFields.filter(field => field.record.includes('.')).map(field => field.record.split('.')[0]!))

/** Every field of AWS and where it is recorded, and the fields that flowloom adds. */
export function fieldsPage(): string {
  const aws = flowFields.map(field => [code(field.name), String(field.version), field.awsType, code(field.record), field.doc])
  const added = flowValue.fields
    .filter(field => !logged.has(field.name) && !groups.has(field.name))
    .map(field => [code(field.name), typeText(field.type), field.doc ?? ''])
  const grouped = flowValue.fields.filter(field => groups.has(field.name)).map(field => [code(field.name), field.doc ?? ''])
  return [
    generatedMark('flow/ and schemas/flow-record.ts'),
    '# Fields\n',
    `The ${flowFields.length} fields that AWS documents for VPC flow logs (versions 2 to 5 and 7 to 11) and transit gateway flow logs (version 6), and where each stands in a \`flows\` record. The header line of an object decides its columns: any order, any subset. A \`-\` in the log is no value: null. What AWS does not document is kept in \`extra\`.\n`,
    table(['AWS field', 'version', 'AWS type', 'recorded as', 'meaning'], aws),
    '## Added by flowloom\n',
    table(['field', 'type', 'meaning'], added),
    '## Optional groups\n',
    'A group is one nested record. It is null, one byte, where the log has none of its fields.\n',
    table(['group', 'meaning'], grouped),
    '## Key of `flows`\n',
    table(['field', 'type', 'meaning'], fieldRows(flowKey.fields)),
  ].join('\n')
}

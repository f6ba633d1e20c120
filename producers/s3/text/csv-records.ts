/**
 * Records of comma-separated text, as the console of CloudWatch Logs exports log events: `timestamp,message`, a field with commas or quotes in
 * quotes. The messages are the lines.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4180
 */

/** Place of the message in the records of an export; undefined: the line is not the first one of an export. */
export function messageColumn(firstLine: string): number | undefined {
  const names = firstLine.replace(/^\ufeff/, '').trim()
  if (!/^"?@?[a-z][a-z.]*"?(?:,"?@?[a-z][a-z.]*"?)+$/i.test(names)) return undefined
  const columns = names.split(',').map(name => name.replaceAll('"', '').replace(/^@/, '').toLowerCase())
  const place = columns.indexOf('message')
  return place >= 0 && columns.includes('timestamp') ? place : undefined
}

/** True for names with commas between: the first line of comma-separated text. */
export const areCommaNames = (line: string): boolean =>
  /^"?[@a-z][a-z0-9_@.-]*"?(?:,"?[@a-z][a-z0-9_@.-]*"?)+$/i.test(line.replace(/^\ufeff/, '').trim())

/** The fields of a record; undefined if its quotes are wrong. */
export function csvFields(record: string): string[] | undefined {
  const fields: string[] = []
  const pattern = /(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|$)/y
  for (let at = 0; ;) {
    pattern.lastIndex = at
    const match = pattern.exec(record)
    if (match === null) return undefined
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === '') return fields
    at = pattern.lastIndex
  }
}

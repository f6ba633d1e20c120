import assert from 'node:assert/strict'
import { SourceMap } from 'node:module'
import { test } from 'node:test'
import ts from 'typescript'
import { lineMappings } from '../../../build/line-map.ts'

const source = `/** A comment that is left out. */
export const pick = (
  names: readonly string[],
  at: number,
): string => {
  const found = names
    .filter(name => name !== '')
    .map(name =>
      name.toUpperCase(),
    )[at]

  if (found === undefined) throw new Error(\`none at \${at}\`)
  return found
}
${'\n'.repeat(700)}export const last = pick(['a'], 0)
`

test('every place of a script is of the same line as with the whole map, and the map is smaller', () => {
  const { outputText, sourceMapText = '' } = ts.transpileModule(source, {
    compilerOptions: { sourceMap: true, removeComments: true, target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  })
  const whole = JSON.parse(sourceMapText) as ConstructorParameters<typeof SourceMap>[0]
  const lean = { ...whole, mappings: lineMappings(whole.mappings) }
  assert.ok(lean.mappings.length < whole.mappings.length / 2)
  const [before, after] = [new SourceMap(whole), new SourceMap(lean)]
  for (const [line, text] of outputText.split('\n').entries())
    for (let column = 0; column < text.length; column++) {
      const lineOf = (map: SourceMap): unknown => (map.findEntry(line, column) as { originalLine?: number }).originalLine
      assert.equal(lineOf(after), lineOf(before), `${line}:${column}`)
    }
})

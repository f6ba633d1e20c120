/** The lint rule behind the table of house.js. It resolves imports to files, so it holds for any way to write a path. */
import { posix, relative, sep } from 'node:path'
import { allows, isPure, pureRuntime, rowOf } from './house.js'

const matches = (pattern, name) => pattern === name || (pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1)))

/** Why a file may not import something; undefined if it may. */
export function refusal(path, specifier) {
  const row = rowOf(path)
  if (row === undefined) return `${path} belongs to no folder of lint/house.js: give its folder a row`
  const pure = isPure(path, row)
  if (!specifier.startsWith('.')) {
    const allowed = pure ? (row.purePackages ?? row.packages) : row.packages
    if (allowed.some(pattern => matches(pattern, specifier))) return undefined
    return `${pure ? `${path} is pure and` : row.folder} may not import "${specifier}"`
  }
  const target = posix.normalize(posix.join(posix.dirname(path), specifier))
  const to = rowOf(target)
  if (to === undefined) return `"${target}" belongs to no folder of lint/house.js`
  if (pure && (to.folder === 'runtime' || to.folder === 'runtime/kafka') && !pureRuntime.includes(target))
    return `${path} is pure and may not import ${target}`
  if (to === row || allows(row, to, target)) return undefined
  return `${row.folder} may not import ${to.folder}`
}

const member = (node, object, property) =>
  node.type === 'MemberExpression' && node.object.type === 'Identifier' && node.object.name === object && node.property.name === property

/** Refuses imports that the table does not allow, and clocks, environment and chance in pure files. */
export const houseRule = {
  meta: { type: 'problem', schema: [], messages: { refused: '{{why}}' } },
  create(context) {
    const path = relative(context.cwd, context.filename).split(sep).join('/')
    const row = rowOf(path)
    const report = (node, why) => context.report({ node, messageId: 'refused', data: { why } })
    const check = node => {
      if (typeof node.source?.value !== 'string') return
      const why = refusal(path, node.source.value)
      if (why !== undefined) report(node, why)
    }
    const imports = { ImportDeclaration: check, ImportExpression: check, ExportNamedDeclaration: check, ExportAllDeclaration: check }
    if (row === undefined || !isPure(path, row)) return imports
    return {
      ...imports,
      MemberExpression(node) {
        if (member(node, 'Date', 'now') || member(node, 'performance', 'now')) report(node, `${path} is pure: time is an argument`)
        if (member(node, 'process', 'env')) report(node, `${path} is pure: settings are arguments`)
        if (member(node, 'Math', 'random')) report(node, `${path} is pure: chance is an argument`)
      },
      NewExpression(node) {
        if (node.callee.name === 'Date' && node.arguments.length === 0) report(node, `${path} is pure: time is an argument`)
      },
    }
  },
}

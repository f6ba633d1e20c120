/** The lint rule that every export says what it is. */

/** Texts that send the reader elsewhere. */
const elsewhere = /\bhead of (this|the) (file|module)\b/i
/** A metric says what it is in its own text, which the reference page shows too. */
const metrics = ['counter', 'gauge', 'histogram']

const isMetric = ({ init }) => init?.type === 'CallExpression' && metrics.includes(init.callee.name)

/** Names that an export declares, with the node that has to have the docstring; an overload has that of the first one. */
function declared(node) {
  const { declaration } = node
  if (declaration === null || declaration === undefined) return []
  if (declaration.type !== 'VariableDeclaration') return declaration.id === null ? [] : [declaration.id.name]
  return declaration.declarations.filter(one => !isMetric(one)).map(one => one.id.name ?? 'a pattern')
}

/** Refuses exports without a docstring, and docstrings that name the head of the file instead of saying something. */
export const docstringRule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      missing: 'the export {{name}} has no docstring: say in one sentence what it is',
      elsewhere: 'a docstring says what its own thing is, not where to read it',
    },
  },
  create(context) {
    const { sourceCode } = context
    const documented = new Set()
    return {
      ExportNamedDeclaration(node) {
        const [last] = sourceCode.getCommentsBefore(node).slice(-1)
        const isDocstring = last?.type === 'Block' && last.value.startsWith('*') && last.loc.end.line === node.loc.start.line - 1
        for (const name of declared(node)) {
          if (!isDocstring && !documented.has(name)) context.report({ node, messageId: 'missing', data: { name } })
          documented.add(name)
        }
      },
      'Program:exit'() {
        for (const comment of sourceCode.getAllComments())
          if (comment.type === 'Block' && comment.value.startsWith('*') && elsewhere.test(comment.value))
            context.report({ loc: comment.loc, messageId: 'elsewhere' })
      },
    }
  },
}

/** How the rows of a Parquet file become lines: its header line, and the words of its rows. */
import { getMaxRepetitionLevel, getTreePath } from 'hyparquet/src/schema.js'
import { openColumn, type Column, type HeldGroup, type SchemaTree } from './parquet-columns.ts'
import { headerWord, wordsOf } from '../text/field-words.ts'

/** The rows of a row group, from the first to the last. */
export interface PlannedRows {
  /** Words of the next rows, by column of the header. */
  words(count: number): string[][]
  skip(count: number): void
}

/** What is worked out once for a file, and used for each of its rows. */
export interface RowPlan {
  readonly header: readonly string[]
  /** Words that are made for one row. */
  readonly cells: number
  /** How a leaf is read: a page at a time, all of it at once, or not. */
  readonly usage: (path: string) => 'flat' | 'listed' | 'none'
  open(held: HeldGroup): PlannedRows
}

/** Every leaf below the root by its path, names with dots between; true if it stands in a list. */
export function leafPaths(schema: SchemaTree): Map<string, boolean> {
  const leaves = new Map<string, boolean>()
  const visit = (tree: SchemaTree): void => {
    if (tree.children.length === 0) leaves.set(tree.path.join('.'), getMaxRepetitionLevel(getTreePath(schema, tree.path)) > 0)
    for (const child of tree.children) visit(child)
  }
  for (const child of schema.children) visit(child)
  return leaves
}

/** The plan of a file whose columns are those of the flow log. */
export function columnPlan(schema: SchemaTree): RowPlan {
  const columns = schema.children.map((tree): Column => ({ name: tree.element.name, tree, wordOf: wordsOf(tree.element.name) }))
  return {
    header: columns.map(({ name }) => headerWord(name)),
    cells: columns.length,
    usage: path => (columns.some(({ name, tree }) => name === path && tree.children.length === 0) ? 'flat' : 'listed'),
    open: held => {
      const opened = columns.map(column => openColumn(schema, column, held))
      return {
        words: count => opened.map(column => column.words(count)),
        skip: count => {
          for (const column of opened) column.skip(count)
        },
      }
    },
  }
}

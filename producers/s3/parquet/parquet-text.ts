/**
 * A Parquet object as the text of the same flow log: line 1 is a header line made of its columns, line n + 1 is row n. The same file gives the
 * same text, so that what was published of it can be resumed by line. A file of Amazon Security Lake gives the lines that its events were
 * made of, as far as they are in them.
 */
import { parquetSchema } from 'hyparquet'
import { errorText, FlowError } from '../../../runtime/errors.ts'
import { isOcsf, ocsfPlan } from './ocsf-rows.ts'
import { groupRange, readExactly, readFooter } from './parquet-footer.ts'
import { OverLimit } from './parquet-heap.ts'
import { checkPages } from './parquet-pages.ts'
import { columnPlan } from './row-plan.ts'
import { plural } from '../../../runtime/counted.ts'

/** Bytes of an object that can be read from anywhere. */
export interface RandomAccess {
  readonly size: number
  /**
   * What it gives is the caller's own memory.
   *
   * @throws FlowError of the store.
   */
  read(from: number, to: number): Promise<Buffer>
}

/** Most bytes of one row group as stored: they are held in memory. */
export const largestRowGroupBytes = 134_217_728
/** Words that are made at once. */
const sliceCells = 262_144
const textChunkBytes = 262_144

/** Bytes held in memory as random access. */
export const bytesInMemory = (bytes: Buffer): RandomAccess => ({
  size: bytes.length,
  read: (from, to) => Promise.resolve(Buffer.from(bytes.subarray(from, to))),
})

/**
 * Text of the object from a line on, in chunks of whole lines, each in memory of its own. Memory: the bytes of one row group (at most
 * `largestRowGroupBytes`), and of each column a page, a dictionary and some words.
 *
 * @param fromLine 1 begins with the header line.
 * @throws FlowError OBJECT_BROKEN where it is no Parquet file, is damaged, or claims more than it can hold or than is held at once;
 *   OBJECT_OVER_LIMIT where it takes more heap than the thread may use; OBJECT_FORMAT where it has events of another kind; errors of the store.
 */
export async function* parquetText(
  source: RandomAccess,
  name: { bucket: string; key: string },
  fromLine = 1,
  largestGroup: number = largestRowGroupBytes,
): AsyncGenerator<Buffer, void, undefined> {
  if (source.size === 0) return
  try {
    const metadata = await readFooter(source, largestGroup)
    const schema = parquetSchema(metadata)
    if (schema.children.length === 0) throw new Error('it has no columns')
    const plan = isOcsf(schema.children.map(({ element }) => element.name)) ? ocsfPlan(schema, name) : columnPlan(schema)
    if (fromLine <= 1) yield Buffer.from(`${plan.header.join(' ')}\n`)
    const step = Math.max(1, Math.floor(sliceCells / plan.cells))
    let groupStart = 0
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows)
      let from = Math.max(0, fromLine - 2 - groupStart)
      if (from < rows) {
        const { from: start, to } = groupRange(group)
        const bytes = await readExactly(source, start, to)
        checkPages(group, bytes, start, plan.usage)
        const opened = plan.open({ group, bytes, start })
        opened.skip(from)
        for (; from < rows; from += step) {
          const count = Math.min(step, rows - from)
          yield* linesOf(opened.words(count), count)
        }
      }
      groupStart += rows
    }
    if (fromLine > groupStart + 2) throw new Error(`it has ${plural(groupStart, 'row')}, fewer than were read before`)
  } catch (error) {
    if (error instanceof FlowError) throw error
    throw new FlowError(
      error instanceof OverLimit ? 'OBJECT_OVER_LIMIT' : 'OBJECT_BROKEN',
      { ...name, detail: `Parquet: ${errorText(error)}` },
      { cause: error },
    )
  }
}

/** Renders rows as lines. */
function* linesOf(columns: readonly string[][], rows: number): Generator<Buffer> {
  const [first, ...others] = columns
  let text = ''
  for (let row = 0; row < rows; row++) {
    text += first![row]!
    for (const words of others) text += ` ${words[row]!}`
    text += '\n'
    if (text.length < textChunkBytes) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}

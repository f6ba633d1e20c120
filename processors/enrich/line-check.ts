/** Says whether the parser of this version takes a line: what was refused once may be read after a fix. */
import { parseObjectName } from '../../schemas/object-name.ts'
import { FlowBatch } from '../../flow/flow-batch.ts'
import { Parsers } from './parsers.ts'

/** Few lines pass here: small dictionaries will do. */
const dictionaryEntries = 1024

/** Parsers of this version, asked about one line at a time. Pure but for its own buffers. */
export class LineCheck {
  readonly #parsers = new Parsers(dictionaryEntries)
  readonly #batch = new FlowBatch()

  /**
   * Parses one line the way enrich does.
   *
   * @param key Key of the object, decoded: it names account and region where the line does not.
   * @param line Without its line end.
   * @param number Its number in the object.
   * @returns Why the line is refused; undefined if it is not.
   */
  refusal(key: string, header: string, line: Buffer, number: number): string | undefined {
    const { accountId, region } = parseObjectName(key)
    const parser = this.#parsers.parserOf(header, { accountId, region })
    if (parser === undefined) return 'no-columns'
    parser.parse(Buffer.concat([line, Buffer.from('\n')]), number, this.#batch)
    return this.#batch.faults[0]?.reason
  }
}

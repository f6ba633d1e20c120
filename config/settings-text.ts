/** Reads the text of a settings file: YAML, and with it JSON. What is wrong with it is said in plain words, with line and column. */
import { LineCounter, parseDocument, visit, type Document, type YAMLError } from 'yaml'

type Code = YAMLError['code']

/** What is wrong, and what to write instead. The parser's own text is never shown: it may quote a value, which may be a secret. */
const words: Readonly<Record<Code, string>> = {
  ALIAS_PROPS: 'an alias (*name) stands behind a tag or an anchor; put text that begins with * in quotes',
  BAD_ALIAS: 'an alias (*name) or anchor (&name) has no usable name; put text that begins with * or & in quotes',
  BAD_COLLECTION_TYPE: 'a tag (!name) does not fit what follows it; put text that begins with ! in quotes',
  BAD_DIRECTIVE: 'a line begins with %, which is a directive of YAML; put text that begins with % in quotes',
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins a code that there is not; write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'this line is not indented as those that belong to the same list or section',
  BAD_PROP_ORDER: 'an anchor (&name) or a tag (!name) stands before the dash or the question mark; it belongs behind it',
  BAD_SCALAR_START: 'a value cannot begin with this character; put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a second "name:" follows on this line, or further in on the next; indent it as the others, or put the value in quotes if it has ": " in it',
  BLOCK_IN_FLOW: 'a comma is missing within [ ] or { }, or a list with dashes or a section begins there',
  DUPLICATE_KEY: 'this name stands twice in the same section; leave one of the two',
  IMPOSSIBLE: 'it is not YAML',
  KEY_OVER_1024_CHARS: 'no colon follows this name within 1,024 characters',
  MISSING_CHAR: 'a character is missing here: a space, a comma, a colon, a quote or a line',
  MULTILINE_IMPLICIT_KEY: 'a line without "name: value"; is a colon missing, or the space behind it, or is it indented wrongly?',
  MULTIPLE_ANCHORS: 'two anchors (&name) stand before one value; put text that begins with & in quotes',
  MULTIPLE_DOCS: 'a second document begins here (---); a settings file has one',
  MULTIPLE_TAGS: 'two tags (!name) stand before one value; put text that begins with ! in quotes',
  NON_STRING_KEY: 'a name is not plain text; put it in quotes',
  RESOURCE_EXHAUSTION: 'lists or sections are nested too deeply',
  TAB_AS_INDENT: 'a tab stands where spaces are wanted; indent with spaces',
  TAG_RESOLVE_FAILED: 'a tag (!name) is not known; put text that begins with ! in quotes',
  UNEXPECTED_TOKEN: 'this cannot stand here; put the value in quotes if it is text',
}

/** Of codes that stand for several faults, by what the parser says. */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/^Flow map .*end with a }/, 'a { is not closed with }'],
  [/^Flow sequence .*end with a ]/, 'a [ is not closed with ]'],
  [/^A block sequence may not be/, 'this line is not indented as those that belong to the same list'],
  [
    /^Unexpected .* at node end/,
    'text stands behind the end of a value; put all of it in quotes, or add the comma or line that is missing',
  ],
  [/^Missing closing "quote/, 'a double quote is not closed'],
  [/^Missing closing 'quote/, 'a single quote is not closed'],
  [/^Missing , between|^Missing , or :/, 'a comma is missing within [ ] or { }'],
  [/^Missing space after :/, 'a space is missing behind the colon'],
  [/^Implicit map keys need to be followed by map values/, 'a line without "name: value"; is a colon missing, or the space behind it?'],
  [/^Sequence item without - indicator/, 'this line stands in a list and has no dash'],
  [/^Comments must be separated/, 'a space is missing before the #'],
  [/^Unexpected , in/, 'a comma too many within [ ] or { }'],
  [/^Unexpected empty item/, 'nothing stands between two commas'],
  [/^Unexpected flow-(?:map|seq)-end/, 'a closing bracket without the opening one'],
]

function wordsOf({ code, message }: YAMLError): string {
  const said = message.split(/ at line \d+, column \d+/)[0]!.trim()
  return sentences.find(([pattern]) => pattern.test(said))?.[1] ?? words[code]
}

/** A settings file as it was read. */
export interface SettingsText {
  readonly value: unknown
  /** Empty if it is good. */
  readonly faults: readonly string[]
}

/**
 * Reads settings. Never throws.
 *
 * @param path Of the file, for the faults.
 */
export function parseSettings(text: string, path: string): SettingsText {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  // what follows the first fault often is one only because of it
  const [error] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])
  const fault = error === undefined ? lostAlias(document) : { at: error.pos[0], what: wordsOf(error) }
  if (fault !== undefined) {
    const { line, col } = lineCounter.linePos(fault.at)
    return { value: undefined, faults: [`✖ ${fault.what}\n  → at ${path}, line ${line}, column ${col}`] }
  }
  try {
    return { value: document.toJS() as unknown, faults: [] }
  } catch {
    return { value: undefined, faults: [`✖ its aliases (*name) give more than can be settings\n  → at ${path}`] }
  }
}

/** The first alias for which there is no anchor before it. */
function lostAlias(document: Document.Parsed): { at: number; what: string } | undefined {
  let at: number | undefined
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) === undefined) at ??= alias.range?.[0] ?? 0
    },
  })
  return at === undefined
    ? undefined
    : { at, what: 'an alias (*name) has no anchor (&name) before it; put text that begins with * in quotes' }
}

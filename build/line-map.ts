/** Source maps that know lines, and of columns only the first of each: a third of the size, and stack traces name the same lines. */

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Numbers of a segment: six bits a digit, the sixth says that more follow, the lowest of all is the sign. */
function decode(segment: string): number[] {
  const numbers: number[] = []
  let [value, shift] = [0, 0]
  for (const digit of segment) {
    const bits = digits.indexOf(digit)
    value += (bits & 31) << shift
    shift += 5
    if (bits & 32) continue
    numbers.push(value & 1 ? -(value >> 1) : value >> 1)
    ;[value, shift] = [0, 0]
  }
  return numbers
}

function encode(number: number): string {
  let rest = number < 0 ? (-number << 1) | 1 : number << 1
  let text = ''
  do {
    text += digits[(rest & 31) | (rest > 31 ? 32 : 0)]!
    rest >>= 5
  } while (rest > 0)
  return text
}

/**
 * Leaves out segments that say no other line than the one before them in the same line of the script.
 *
 * @param mappings Of a map with one source, as the compiler writes it.
 * @see https://tc39.es/ecma426/
 */
export function lineMappings(mappings: string): string {
  let [line, column, keptLine, keptColumn] = [0, 0, 0, 0]
  return mappings
    .split(';')
    .map(text => {
      let [at, keptAt] = [0, 0]
      const kept: string[] = []
      for (const segment of text === '' ? [] : text.split(',')) {
        const [step = 0, , lineStep = 0, columnStep = 0] = decode(segment)
        at += step
        line += lineStep
        column += columnStep
        if (kept.length > 0 && line === keptLine) continue
        kept.push([at - keptAt, 0, line - keptLine, column - keptColumn].map(encode).join(''))
        ;[keptAt, keptLine, keptColumn] = [at, line, column]
      }
      return kept.join(',')
    })
    .join(';')
}

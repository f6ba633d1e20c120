/**
 * A count with its noun: `1 object`, `2 objects`, `1,000 objects`.
 *
 * @param plural If it is not the noun with an s.
 */
export const counted = (count: number | bigint, noun: string, plural = `${noun}s`): string =>
  `${count.toLocaleString('en-US')} ${Number(count) === 1 ? noun : plural}`

/**
 * The same for a sentence that names seconds and ids: digits alone, `1000 objects`.
 *
 * @param many If it is not the noun with an s.
 */
export const plural = (count: number, noun: string, many = `${noun}s`): string => `${count} ${count === 1 ? noun : many}`

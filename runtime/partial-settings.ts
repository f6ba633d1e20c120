/** Settings of which some are refused: what depends on the others alone is still judged. */

/** Stands in the place of a value that is refused. */
export const refused = Symbol('refused')

/** Stands in the place of a setting of which nobody knows whether it has a value: its file could not be read, or it is missing. */
export const unread = Symbol('unread')

/** True unless a value is refused or unread. */
export const isReadable = (value: unknown): boolean => value !== refused && value !== unread

/** Somebody read a setting that is refused. It never leaves `judged` and its like. */
class ReadRefused extends Error {}

/**
 * Makes a group or list of settings readable but for the refused ones.
 *
 * @param values Has `refused` or `unread` in their place.
 * @returns The same; reading a refused value throws what `judged` catches.
 */
export function partly<Values extends object>(values: Values): Values {
  if (Object.values(values).every(isReadable)) return values
  return new Proxy(values, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver)
      if (!isReadable(value)) throw new ReadRefused(`${String(key)} is refused`)
      return value
    },
  })
}

/**
 * Whether a setting of a group has a value, good or refused: for rules of settings that contradict each other by being set. Part of `judged`: nobody
 * may know it.
 */
export function isSet<Values extends object>(values: Values, key: keyof Values): boolean {
  const value: unknown = Object.getOwnPropertyDescriptor(values, key)?.value
  if (value === unread) throw new ReadRefused(`${String(key)} is not known`)
  return value !== undefined
}

/** What `look` gives; undefined if it read a refused setting. */
export function judged<Result>(look: () => Result): Result | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof ReadRefused) return undefined
    throw error
  }
}

/** The same of what takes time. */
export async function judgedLater<Result>(look: () => Promise<Result> | undefined): Promise<Result | undefined> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof ReadRefused) return undefined
    throw error
  }
}

/** What `look` gives of each entry of a list, without those that are refused or of which it read what is. */
export const judgedEach = <Entry, Result>(entries: readonly Entry[], look: (entry: Entry, index: number) => readonly Result[]): Result[] =>
  Array.from({ length: entries.length }, (_, index) => judged(() => look(entries[index]!, index)) ?? []).flat()

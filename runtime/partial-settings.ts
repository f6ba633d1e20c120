/** Settings of which some are refused: what depends on the others alone is still judged. */

/** Stands in the place of a value that is refused. */
export const refused = Symbol('refused')

/** Somebody read a setting that is refused. It never leaves `judged` and its like. */
class ReadRefused extends Error {}

/**
 * Makes a group or list of settings readable but for the refused ones.
 *
 * @param values Has `refused` in their place.
 * @returns The same; reading a refused value throws what `judged` catches.
 */
export function partly<Values extends object>(values: Values): Values {
  if (!Object.values(values).includes(refused)) return values
  return new Proxy(values, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver)
      if (value === refused) throw new ReadRefused(`${String(key)} is refused`)
      return value
    },
  })
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

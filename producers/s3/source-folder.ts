/** The folder of a source: where its keys begin. */

/** What all keys of a source begin with: empty, or its prefix with a slash at its end and none before it, however the settings write it. */
export function folderOf(source: { readonly prefix: string }): string {
  const prefix = source.prefix.replace(/^\/+|\/+$/g, '')
  return prefix === '' ? '' : `${prefix}/`
}

/** Prefix under which the accounts of a source are. */
export const accountsPrefix = (source: { readonly prefix: string }): string => `${folderOf(source)}AWSLogs/`

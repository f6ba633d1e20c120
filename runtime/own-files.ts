/**
 * Where files of flowloom itself are that are read or started at run time. The compiled package has the same folders as the sources, so a
 * place beside the asking module holds for both; only scripts have another ending there.
 */
import { existsSync, readFileSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `.ts` in the sources, `.js` in the compiled package. */
const ending = extname(import.meta.filename)

/** True in the compiled package, which has neither the local stack nor the sample logs. */
export const isCompiled = ending === '.js'

/** The folder with package.json: of the clone, or of the installed package. */
const root = fileURLToPath(new URL(isCompiled ? '../../' : '../', import.meta.url))

/** Version of flowloom. */
export const ownVersion = (): string => (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

/**
 * Puts the path of this installation in front of the pages of `docs/` that a text names; in the clone nothing changes, and nothing where the
 * pages are not installed, as in the image.
 *
 * @param folder With package.json.
 */
export const withOwnDocs = (text: string, folder = root): string =>
  text.replace(/(?<![\w/.-])docs\/[\w/-]+\.md/g, page => {
    const [path, fromHere] = [join(folder, page), relative(process.cwd(), join(folder, page))]
    if (!existsSync(path)) return page
    return fromHere.startsWith('..') ? path : fromHere
  })

/**
 * A file or folder that is read.
 *
 * @param place Relative to the asking module, such as `./queries/`.
 * @param from `import.meta.url` of the asking module.
 * @returns An absolute path.
 */
export const ownFile = (place: string, from: string): string => fileURLToPath(new URL(place, from))

/**
 * A script that is run as a thread or a process.
 *
 * @param place Relative to the asking module, as it is named in the sources: `./table-worker.ts`.
 * @param from `import.meta.url` of the asking module.
 */
export const ownScript = (place: string, from: string): URL => new URL(place.replace(/\.ts$/, ending), from)

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Removes objects that a SIGKILL left half written: their PUT was never acknowledged, and the server does not start with them.
 *
 * @param folder Folder of the objects, as fauxqs lays them out: `buckets/<bucket>/objects/<key>.data` and `.meta.json`.
 * @returns How many were removed.
 */
export function removeTornObjects(folder: string): number {
  const buckets = join(folder, 'buckets')
  if (!existsSync(buckets)) return 0
  let removed = 0
  for (const bucket of readdirSync(buckets)) {
    const objects = join(buckets, bucket, 'objects')
    if (!existsSync(objects)) continue
    const stems = new Set(
      readdirSync(objects, { recursive: true, encoding: 'utf8' })
        .filter(file => statSync(join(objects, file)).isFile())
        .map(file => join(objects, file.replace(/\.(data|meta\.json)$/, ''))),
    )
    for (const stem of stems) {
      if (isWhole(stem)) continue
      rmSync(`${stem}.data`, { force: true })
      rmSync(`${stem}.meta.json`, { force: true })
      removed++
    }
  }
  return removed
}

function isWhole(stem: string): boolean {
  try {
    const meta = JSON.parse(readFileSync(`${stem}.meta.json`, 'utf8')) as { contentLength?: number }
    return meta.contentLength === statSync(`${stem}.data`).size
  } catch {
    return false
  }
}

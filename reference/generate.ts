/**
 * Writes what is derived from the tables of schemas/, flow/, config/ and runtime/: schemas/*.avsc, the views that show flows, and docs/reference/*.md.
 *
 * `node reference/generate.ts` writes; with `--check` it writes nothing, names the stale files and ends with exit code 1.
 */
import { globSync, existsSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { registry } from '../runtime/metrics.ts'
import { configPage } from './config-page.ts'
import { errorsPage } from './errors-page.ts'
import { fieldsPage } from './fields-page.ts'
import { flowLogView } from './flow-log-view.ts'
import { flowOwnersBetweenView, flowOwnersView } from './flow-owners-views.ts'
import { metricsPage, type DeclaredMetric } from './metrics-page.ts'
import { partsPage } from './parts-page.ts'
import { topicsPage } from './topics-page.ts'
import { traitsEndSource } from './traits-end.ts'
import { topics } from '../schemas/topics.ts'

const root = join(import.meta.dirname, '..')

/** Avro schemas as files: `schemas/<topic>-key.avsc` and `-value.avsc`. */
export function schemaFiles(): Map<string, string> {
  const files = new Map<string, string>()
  for (const topic of Object.values(topics)) {
    files.set(`schemas/${topic.name}-key.avsc`, `${JSON.stringify(topic.key, null, 2)}\n`)
    if (topic.value !== null) files.set(`schemas/${topic.name}-value.avsc`, `${JSON.stringify(topic.value, null, 2)}\n`)
  }
  return files
}

/** Every generated file by its path from the root of the repository. Imports every part that declares metrics; opens nothing. */
export async function generatedFiles(): Promise<Map<string, string>> {
  for (const path of globSync('{aws,runtime,producers,processors,sinks}/**/*.ts', { cwd: root }).sort()) {
    if (/from '[./]*(runtime\/)?metrics\.ts'/.test(readFileSync(join(root, path), 'utf8')))
      await import(pathToFileURL(join(root, path)).href)
  }
  const files = schemaFiles()
  files.set('sinks/clickhouse/columns/traits-end.ts', traitsEndSource())
  files.set('schemas/clickhouse/views/flow_log.sql', flowLogView())
  files.set('schemas/clickhouse/views/flow_owners.sql', flowOwnersView())
  files.set('schemas/clickhouse/views/flow_owners_between.sql', flowOwnersBetweenView())
  files.set('docs/reference/fields.md', fieldsPage())
  files.set('docs/reference/topics.md', topicsPage())
  files.set('docs/reference/parts.md', partsPage())
  files.set('docs/reference/config.md', configPage())
  files.set('docs/reference/errors.md', errorsPage())
  files.set('docs/reference/metrics.md', metricsPage(registry.getMetricsAsArray() as unknown as DeclaredMetric[]))
  return files
}

/** Paths whose content is not what would be generated, and generated-looking schema files that no topic has. */
export async function staleFiles(): Promise<string[]> {
  const files = await generatedFiles()
  const stale = [...files].filter(([path, content]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== content)
  const orphans = globSync('schemas/*.avsc', { cwd: root }).filter(path => !files.has(path))
  return [...stale.map(([path]) => path), ...orphans].sort()
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--check')) {
    const stale = await staleFiles()
    for (const path of stale) console.error(`stale: ${path}`)
    if (stale.length > 0) console.error('run `npm run generate`')
    process.exitCode = stale.length > 0 ? 1 : 0
  } else {
    for (const [path, content] of await generatedFiles()) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), content)
    }
  }
}

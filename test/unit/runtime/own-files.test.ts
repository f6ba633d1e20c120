/** Files that are read or started at run time are found from the compiled tree as well: one module knows how. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import { isCompiled, ownFile, ownScript } from '../../../runtime/own-files.ts'

const root = join(import.meta.dirname, '../../..')
const { exclude } = ts.readConfigFile(join(root, 'tsconfig.build.json'), path => ts.sys.readFile(path)).config as { exclude: string[] }
const shipped = globSync('**/*.ts', { cwd: root, exclude: path => exclude.includes(path) || /(^|\/)node_modules$/.test(path) }).sort()

test('in the sources a script keeps its ending', () => {
  assert.ok(!isCompiled)
  const from = pathToFileURL(join(root, 'a', 'b.ts')).href
  assert.equal(fileURLToPath(ownScript('./worker.ts', from)), join(root, 'a', 'worker.ts'))
  assert.equal(ownFile('../schemas/x.sql', from), join(root, 'schemas', 'x.sql'))
})

test('no shipped module finds files in another way, and all that are named exist', () => {
  assert.ok(shipped.length > 200)
  const places: string[] = []
  for (const path of shipped.filter(one => one !== 'runtime/own-files.ts')) {
    const text = readFileSync(join(root, path), 'utf8')
    assert.doesNotMatch(text, /import\.meta\.(dirname|filename)|new URL\([^)]*import\.meta/, path)
    for (const [, place] of text.matchAll(/own(?:File|Script)\('([^']+)', import\.meta\.url\)/g)) {
      places.push(place!)
      // what is written at run time is not there yet
      if (!place!.includes('.flowloom')) assert.ok(existsSync(ownFile(place!, pathToFileURL(join(root, path)).href)), `${path}: ${place!}`)
    }
  }
  assert.ok(places.length >= 5, places.join())
})

/** The docs are tested like code: what is generated is fresh, what is linked exists, what is named is real. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { parse as parseYaml } from 'yaml'
import { checkConfig, listSettings } from '../../../config/config.ts'
import { errorTable } from '../../../runtime/errors.ts'
import { staleFiles } from '../../../reference/generate.ts'
import { topics } from '../../../schemas/topics.ts'
import { readMigrations } from '../../../sinks/clickhouse/migrate.ts'
import { ownedObjects } from '../../../sinks/clickhouse/reset.ts'

const root = join(import.meta.dirname, '../../..')
const pages = globSync(['docs/**/*.md', 'examples/**/*.md', '*.md'], { cwd: root }).sort()
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const written = pages.filter(path => !path.startsWith('docs/reference/'))

test('what is generated is fresh', async () => {
  assert.deepEqual(await staleFiles(), [], 'run `npm run generate`')
})

test('every link to a file of the repository leads somewhere', () => {
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      assert.ok(existsSync(resolve(root, dirname(page), target!)), `${page} links to ${target!}`)
    }
  }
})

test('a page of the package links to nothing that the package does not have', () => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] }
  // npm adds the first three by itself
  const always = ['README.md', 'LICENSE', 'package.json']
  const shipped = new Set([
    ...always,
    ...globSync(
      files.map(path => (path.endsWith('/') ? `${path}**/*.*` : path)),
      { cwd: root },
    ),
  ])
  const folders = new Set([...shipped].flatMap(path => path.split('/').map((_, depth, parts) => parts.slice(0, depth).join('/'))))
  const pagesOfPackage = [...shipped].filter(path => path.endsWith('.md') && !path.startsWith('dist/'))
  assert.ok(pagesOfPackage.length > 70)
  for (const page of pagesOfPackage)
    for (const [, target] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const path = relative(root, resolve(root, dirname(page), target!))
      assert.ok(shipped.has(path) || folders.has(path), `${page} links to ${target!}`)
    }
})

test('every setting that a page names exists', () => {
  const known = new Set(listSettings().flatMap(({ section, key, env }) => [`${section}.${key}`, env, `${env}_FILE`]))
  const sections = new Set(listSettings().map(setting => setting.section))
  for (const page of written) {
    for (const [, name] of read(page).matchAll(/`([a-zA-Z0-9]+\.[a-zA-Z0-9]+)`/g)) {
      if (!sections.has(name!.split('.')[0]!) || /\.(ts|md|yml|yaml|json)$/.test(name!)) continue
      assert.ok(known.has(name!), `${page} names the setting ${name!}`)
    }
    for (const [name] of read(page).matchAll(/\bFLOWLOOM_[A-Z0-9_]+/g)) {
      if (name.startsWith('FLOWLOOM_TEST_')) continue
      assert.ok(known.has(name) || name === 'FLOWLOOM_CONFIG', `${page} names the variable ${name}`)
    }
  }
})

test('the least policy of the README allows what its example settings need, and no more', () => {
  const page = read('README.md')
  const block = (language: string): string => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)![1]!
  const { s3 } = checkConfig(parseYaml(block('yaml')))
  const { Statement } = JSON.parse(block('json')) as { Statement: Record<string, unknown>[] }
  const below = s3.sources.map(source => (source.layout === 'flow-logs' ? `${source.prefix}/AWSLogs/*` : `${source.prefix}/*`))
  const [bucket, ...others] = [...new Set(s3.sources.map(source => source.bucket))]
  assert.deepEqual(others, [])
  const arn = `arn:aws:s3:::${bucket!}`
  const queues = s3.queues.map(({ url }) => url.replace(/^https:\/\/sqs\.([^.]+)\.amazonaws\.com\/(\d+)\/(.+)$/, 'arn:aws:sqs:$1:$2:$3'))
  assert.deepEqual(Statement, [
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: arn, Condition: { StringLike: { 's3:prefix': below } } },
    { Effect: 'Allow', Action: 's3:GetObject', Resource: below.map(path => `${arn}/${path}`) },
    { Effect: 'Allow', Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'], Resource: queues[0] },
  ])
})

test('every topic that a page names exists', () => {
  const known = new Set<string>(Object.values(topics).map(topic => `flowloom.${topic.name}.v${topic.version}`))
  for (const page of written)
    for (const [name] of read(page).matchAll(/\bflowloom\.[a-z-]+\.v\d+/g)) assert.ok(known.has(name), `${page} names the topic ${name}`)
})

test('every metric that a page names exists', () => {
  const known = new Set([...read('docs/reference/metrics.md').matchAll(/`(flowloom_\w+)`/g)].map(([, name]) => name))
  for (const page of written)
    for (const [name] of read(page).matchAll(/\bflowloom_[a-z0-9_]+/g)) assert.ok(known.has(name), `${page} names the metric ${name}`)
})

test('every migration that a page names exists', () => {
  const known = readMigrations().map(({ name }) => name.slice(0, 4))
  for (const page of written)
    for (const [, numbers] of read(page).matchAll(/\bmigrations? (\d{4}(?:(?:, | and | to )\d{4})*)/g))
      for (const number of numbers!.match(/\d{4}/g)!) assert.ok(known.includes(number), `${page} names the migration ${number}`)
})

test('the operations page says of every table how long its rows are kept', () => {
  const [, rows] = /^\| table +\| setting +\| counts from[^\n]*\n((?:\|[^\n]*\n)+)/m.exec(read('docs/operations.md'))!
  const named = rows!.split('\n').flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name))
  assert.deepEqual(named.sort(), ownedObjects().tables.sort())
})

test('every error code that the operations page names exists', () => {
  for (const [, code] of read('docs/operations.md').matchAll(/`([A-Z]+(?:_[A-Z0-9]+)+)`/g)) {
    if (code!.startsWith('FLOWLOOM_')) continue
    assert.ok(Object.hasOwn(errorTable, code!), code)
  }
})

test('every decision says what else was looked at and what it costs', () => {
  const decisions = globSync('docs/decisions/*.md', { cwd: root }).sort()
  assert.ok(decisions.length > 15)
  const numbers = decisions.map(path => /\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1])
  // holes are numbers that are set aside for work under way
  assert.equal(new Set(numbers).size, decisions.length, 'each has a number of its own')
  assert.ok(!numbers.includes(undefined))
  decisions.forEach(path => {
    for (const part of ['## Decision', '## Why', '## Instead of', '## Cost']) assert.ok(read(path).includes(part), `${path} has no ${part}`)
  })
})

test('the page of metrics says which counters do not wait for the commit', () => {
  const [head, ...rows] = read('docs/reference/metrics.md').split('| metric |')
  for (const name of ['flowloom_records_sent_total', 'flowloom_bytes_sent_total']) assert.ok(head!.includes(`\`${name}\``), name)
  assert.match(rows.join(''), /`flowloom_records_sent_total` .*committed or not/)
})

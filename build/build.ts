/**
 * `npm run build`: makes dist/, the compiled tree of the package and of the image. It has the folders of the sources: JavaScript with source
 * maps, types for schemas/ and flow/ alone (the rest is not an interface), and every other file that stands beside the sources; and the lists of parts and
 * licences. What is left out is the `exclude` of tsconfig.build.json.
 */
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, relative, sep } from 'node:path'
import ts from 'typescript'
import { licenceFaults, licenceList } from './licences.ts'
import { lineMappings } from './line-map.ts'
import { cycloneDx } from './sbom.ts'
import { shippedPackages, type Lock } from './shipped-packages.ts'

const root = join(import.meta.dirname, '..')
const target = join(root, 'dist')

/** Path from the root of the repository, with `/`. */
const fromRoot = (path: string): string => relative(root, path).split(sep).join('/')

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

function withLinesOnly(text: string): string {
  const map = JSON.parse(text) as { mappings: string }
  return JSON.stringify({ ...map, mappings: lineMappings(map.mappings) })
}

/** Translates the sources. @returns Their paths from the root. */
function compile(): string[] {
  const read = ts.readConfigFile(join(root, 'tsconfig.build.json'), path => ts.sys.readFile(path))
  const { fileNames, options, errors } = ts.parseJsonConfigFileContent(read.config, ts.sys, root)
  // the comments of the scripts stand in the sources of their maps, those of the types are read by people
  const program = ts.createProgram(fileNames, { ...options, declaration: false, removeComments: true })
  const scripts = program.emit(undefined, (path, text) => {
    write(path, path.endsWith('.map') ? withLinesOnly(text) : text)
  })
  const types = ts.createProgram(fileNames, { ...options, sourceMap: false, inlineSources: false, emitDeclarationOnly: true })
  const declared = types.emit(undefined, (path, text) => {
    if (/^dist\/(schemas|flow)\//.test(fromRoot(path))) write(path, text)
  })
  const diagnostics = [...scripts.diagnostics, ...declared.diagnostics]
  const faults = [read.error, ...errors, ...program.getOptionsDiagnostics(), ...program.getSyntacticDiagnostics(), ...diagnostics]
  const told = faults.filter(fault => fault !== undefined)
  if (told.length > 0)
    throw new Error(
      ts.formatDiagnostics(told, { getCanonicalFileName: path => path, getCurrentDirectory: () => root, getNewLine: () => '\n' }),
    )
  return fileNames.map(fromRoot)
}

/** Copies what stands beside the sources: SQL, Avro schemas. @returns Their number. */
function copyBeside(sources: readonly string[]): number {
  const folders = new Set(sources.filter(path => path.includes('/')).map(path => path.slice(0, path.indexOf('/'))))
  const beside = globSync(
    [...folders].map(folder => `${folder}/**/*.*`),
    { cwd: root },
  ).filter(path => extname(path) !== '.ts')
  for (const path of beside) {
    mkdirSync(dirname(join(target, path)), { recursive: true })
    copyFileSync(join(root, path), join(target, path))
    chmodSync(join(target, path), 0o644)
  }
  return beside.length
}

/** Writes what the package is made of. @throws Error if something may not be shipped. */
function listParts(): void {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
  const packages = shippedPackages(lock)
  const faults = licenceFaults(packages)
  if (faults.length > 0) throw new Error(faults.join('\n'))
  write(join(target, 'sbom.cdx.json'), cycloneDx(lock, packages))
  write(join(target, 'LICENCES.md'), licenceList(`${lock.name} ${lock.version}`, packages))
}

rmSync(target, { recursive: true, force: true })
const sources = compile()
const copied = copyBeside(sources)
listParts()
console.log(`dist/: ${sources.length} files compiled, ${copied} copied`)

/**
 * `npm run release`: makes release/, the files of a release: the package, its list of parts (CycloneDX), its list of licences, and their
 * checksums. The two lists are in the package and in the image too.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const target = join(root, 'release')

rmSync(target, { recursive: true, force: true })
mkdirSync(target)
// builds dist/ first
execFileSync('npm', ['pack', '--pack-destination', target], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
const [tarball] = readdirSync(target)
const name = tarball!.replace(/\.tgz$/, '')
copyFileSync(join(root, 'dist', 'sbom.cdx.json'), join(target, `${name}.cdx.json`))
copyFileSync(join(root, 'dist', 'LICENCES.md'), join(target, `${name}-licences.md`))
const files = readdirSync(target).sort()
const sums = files.map(
  file =>
    `${createHash('sha256')
      .update(readFileSync(join(target, file)))
      .digest('hex')}  ${file}\n`,
)
writeFileSync(join(target, 'SHA256SUMS'), sums.join(''))
console.log([...files, 'SHA256SUMS'].map(file => `release/${file}`).join('\n'))

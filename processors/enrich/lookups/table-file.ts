/** The bytes of a lookup file: gzip is unpacked, and of MaxMind's `.tar.gz` the one database in it. */
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { errorText } from '../../../runtime/errors.ts'
import { LookupFault } from './lookup-fault.ts'

/** Largest table, unpacked. The largest that are published have some 100 MB. */
const mostBytes = 1_073_741_824
const tarBlock = 512

const systemFaults: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this process may not read it',
  EPERM: 'this process may not read it',
  EISDIR: 'it is a folder',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB',
  ERR_BUFFER_TOO_LARGE: 'unpacked it is larger than 1 GiB',
  Z_DATA_ERROR: 'its gzip data is damaged',
  Z_BUF_ERROR: 'its gzip data is cut off',
}

/** What a failed read says of the file, in plain words. */
export function fileFault(error: unknown): LookupFault {
  if (error instanceof LookupFault) return error
  const { code } = error as NodeJS.ErrnoException
  return new LookupFault((code === undefined ? undefined : systemFaults[code]) ?? errorText(error), { cause: error })
}

/**
 * Reads a lookup file.
 *
 * @throws LookupFault if there is none, or it is packed in a way that is not read.
 */
export async function readTableFile(path: string): Promise<Buffer> {
  try {
    return unpacked(await readFile(path))
  } catch (error) {
    throw fileFault(error)
  }
}

/**
 * Unpacks what a file may be packed in.
 *
 * @throws LookupFault if it is damaged or of another packing.
 */
export function unpacked(bytes: Buffer): Buffer {
  if (bytes.length === 0) throw new LookupFault('it is empty')
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return withoutTar(gunzip(bytes))
  for (const { name, magic } of otherPackings)
    if (bytes.subarray(0, magic.length).toString('latin1') === magic) throw new LookupFault(`it is packed as ${name}: unpack it first`)
  return withoutTar(bytes)
}

const otherPackings = [
  { name: 'ZIP', magic: 'PK\x03\x04' },
  { name: 'bzip2', magic: 'BZh' },
  { name: 'xz', magic: '\xfd7zXZ\0' },
  { name: 'Zstandard', magic: '\x28\xb5\x2f\xfd' },
]

function gunzip(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes })
  } catch (error) {
    throw fileFault(error)
  }
}

/** The one database of a tar archive; anything else as it is. */
function withoutTar(bytes: Buffer): Buffer {
  if (bytes.toString('latin1', 257, 262) !== 'ustar') return bytes
  const found: Buffer[] = []
  for (let at = 0; at + tarBlock <= bytes.length && bytes[at] !== 0;) {
    const name = bytes.toString('utf8', at, at + 100).split('\0', 1)[0]!
    const size = parseInt(bytes.toString('latin1', at + 124, at + 136), 8)
    const isFile = bytes[at + 156] === 0x30 || bytes[at + 156] === 0
    const from = at + tarBlock
    if (!(size >= 0) || from + size > bytes.length) throw new LookupFault('it is a tar archive that is damaged or cut off')
    if (isFile && name.endsWith('.mmdb')) found.push(bytes.subarray(from, from + size))
    at = from + Math.ceil(size / tarBlock) * tarBlock
  }
  if (found.length === 1) return found[0]!
  throw new LookupFault(`it is a tar archive with ${found.length} .mmdb files in it: unpack it and name the file that is meant`)
}

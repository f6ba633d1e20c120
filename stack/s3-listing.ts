import type { StoredObject } from './fauxqs-parts.ts'

/** What a ListObjectsV2 request asks for. */
export interface ListRequest {
  bucket: string
  prefix: string
  delimiter: string
  startAfter: string
  continuationToken: string
  maxKeys: number
}

/** One page of a listing, in key order. */
export interface ListPage {
  objects: StoredObject[]
  prefixes: string[]
  /** Last key or prefix of this page where there is more. */
  next: string | undefined
}

/** Reads the query of a ListObjectsV2 request. */
export const readListRequest = (bucket: string, query: URLSearchParams): ListRequest => ({
  bucket,
  prefix: query.get('prefix') ?? '',
  delimiter: query.get('delimiter') ?? '',
  startAfter: query.get('start-after') ?? '',
  continuationToken: query.get('continuation-token') ?? '',
  maxKeys: Math.max(0, Math.min(1000, Number(query.get('max-keys') ?? '1000'))),
})

/**
 * Lists a bucket as S3 does: keys in binary order, common prefixes in between.
 *
 * fauxqs sorts by locale but pages by binary order, which loses keys that differ in case, and repeats prefixes from page to page.
 */
export function listPage(objects: Iterable<StoredObject>, request: ListRequest): ListPage {
  const { prefix, delimiter, maxKeys } = request
  const after = request.continuationToken === '' ? request.startAfter : Buffer.from(request.continuationToken, 'base64url').toString()
  const page: ListPage = { objects: [], prefixes: [], next: undefined }
  const sorted = [...objects].filter(object => object.key.startsWith(prefix) && object.key > after).sort((a, b) => (a.key < b.key ? -1 : 1))
  let last = ''
  for (const object of sorted) {
    const end = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length)
    const entry = end < 0 ? object.key : object.key.slice(0, end + delimiter.length)
    // All keys of a prefix are one entry, also when the prefix ended the page before.
    if (end >= 0 && (entry === last || (after !== '' && entry <= after))) continue
    if (page.objects.length + page.prefixes.length === maxKeys) {
      page.next = last
      break
    }
    last = entry
    if (end < 0) page.objects.push(object)
    else page.prefixes.push(entry)
  }
  if (page.next === '') page.next = undefined
  return page
}

/**
 * Writes a page as the answer to its request.
 *
 * @param storageClassOf Storage class of a key.
 */
export function listPageXml(request: ListRequest, page: ListPage, storageClassOf: (key: string) => string = () => 'STANDARD'): string {
  const text = (name: string, value: string | number | boolean): string => `<${name}>${escapeXml(String(value))}</${name}>`
  const token = page.next === undefined ? '' : text('NextContinuationToken', Buffer.from(page.next).toString('base64url'))
  const contents = page.objects.map(
    object =>
      `<Contents>${text('Key', object.key)}${text('LastModified', object.lastModified.toISOString())}${text('ETag', object.etag)}` +
      `${text('Size', object.contentLength)}${text('StorageClass', storageClassOf(object.key))}</Contents>`,
  )
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
    `${text('Name', request.bucket)}${text('Prefix', request.prefix)}${request.delimiter === '' ? '' : text('Delimiter', request.delimiter)}` +
    `${text('MaxKeys', request.maxKeys)}${text('KeyCount', page.objects.length + page.prefixes.length)}${text('IsTruncated', page.next !== undefined)}${token}` +
    `${contents.join('')}${page.prefixes.map(prefix => `<CommonPrefixes>${text('Prefix', prefix)}</CommonPrefixes>`).join('')}</ListBucketResult>`
  )
}

/** Writes an S3 error body; `more` are elements that only some errors have. */
export function errorXml(code: string, message: string, more: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Readonly<Record<string, string | undefined>> = { Code: code, Message: message, ...more, RequestId: 'LOCALSTACK' }
  const elements = Object.entries(all)
  const written = elements.map(([name, value]) => (value === undefined ? '' : `<${name}>${escapeXml(value)}</${name}>`)).join('')
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${written}</Error>`
}

const escapeXml = (text: string): string =>
  // Control characters have to be references, or parsers drop or refuse them.
  text.replace(/[<>&"'\x00-\x1f]/g, char => `&#${char.charCodeAt(0)};`)

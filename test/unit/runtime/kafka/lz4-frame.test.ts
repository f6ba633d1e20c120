import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressFrameSync, compressSync } from 'lz4-napi'
import { Random } from '../../../../producers/synthetic/random.ts'
import { decompressFrame } from '../../../../runtime/kafka/lz4-frame.ts'

const random = new Random(11)
const noise = (length: number): Buffer => Buffer.alloc(length).map(() => random.below(256)) as Buffer<ArrayBuffer>
/** Bytes that compress, with some that do not. */
const content = (length: number): Buffer =>
  Buffer.alloc(length).map((_, i) => (i % 64 < 48 ? i % 64 : random.below(256))) as Buffer<ArrayBuffer>

/** A frame as another writer makes it: blocks of at most 64 KiB, one of them stored. */
function frameOf(blocks: readonly { bytes: Buffer; stored: boolean }[], flag: number): Buffer {
  const parts = blocks.flatMap(({ bytes, stored }) => {
    const block = stored ? bytes : compressSync(bytes).subarray(4)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(stored ? (block.length | 0x8000_0000) >>> 0 : block.length)
    return [size, block, Buffer.alloc((flag & 0x10) === 0 ? 0 : 4)]
  })
  return Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, flag, 0x40, 0]), ...parts, Buffer.alloc(4)])
}

const small = content(65_536)
const cases: readonly { name: string; frame: Buffer; expect: Buffer }[] = [
  ...[0, 1, 100, 65_536, 800_000, 3_000_000, 9_000_000].map(length => {
    const bytes = content(length)
    return { name: `${length} bytes of lz4-napi`, frame: compressFrameSync(bytes), expect: bytes }
  }),
  { name: 'a checksum of the content', frame: compressFrameSync(small, { contentChecksum: true }), expect: small },
  { name: 'checksums of the blocks', frame: compressFrameSync(small, { blockChecksums: true }), expect: small },
  ...[0x60, 0x70].map(flag => {
    const blocks = [
      { bytes: content(65_536), stored: false },
      { bytes: noise(65_536), stored: true },
      { bytes: content(77), stored: false },
    ]
    return {
      name: `blocks of 64 KiB, flags ${flag}`,
      frame: frameOf(blocks, flag),
      expect: Buffer.concat(blocks.map(block => block.bytes)),
    }
  }),
  { name: 'one stored block', frame: frameOf([{ bytes: small, stored: true }], 0x60), expect: small },
]

for (const { name, frame, expect } of cases)
  test(`reads a frame: ${name}`, () => {
    const before = Buffer.from(frame)
    assert.ok(decompressFrame(frame).equals(expect))
    assert.ok(frame.equals(before), 'the frame is as it was')
  })

test('reads what does not compress', () => {
  const bytes = noise(1_500_000)
  assert.ok(decompressFrame(compressFrameSync(bytes)).equals(bytes))
})

test('refuses a cut frame, and one whose block is broken, and leaves it as it was', () => {
  const frame = compressFrameSync(content(800_000))
  for (const broken of [
    frame.subarray(0, frame.length >> 1),
    frame.subarray(0, 9),
    Buffer.alloc(0),
    Buffer.from(frame).fill(0xff, 11, frame.length - 4),
  ]) {
    const before = Buffer.from(broken)
    assert.throws(() => decompressFrame(broken))
    assert.ok(broken.equals(before))
  }
})

/**
 * How much heap the thread that decodes may use. The limit of V8 does not replace it: if that is reached within a native call, the whole process may
 * end.
 */
import { getHeapStatistics } from 'node:v8'

let mostHeap = Infinity

/** A file that is not damaged, as far as is known, but takes too much to read. */
export class OverLimit extends Error {}

/** Sets the limit of this thread; there is none before. */
export function limitHeap(bytes: number): void {
  mostHeap = bytes
}

/** To be called between small steps. @throws OverLimit */
export function checkHeap(): void {
  if (mostHeap === Infinity) return
  if (getHeapStatistics().used_heap_size > mostHeap) throw new OverLimit(`it takes more than ${mostHeap} bytes of heap`)
}

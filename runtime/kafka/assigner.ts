/** Partition assignment: partition p of every subscribed topic to the same member, and to the member that had it before where that is fair. */
import { createRequire } from 'node:module'
import type { PartitionAssigner } from 'kafkajs'

interface Protocol {
  MemberMetadata: {
    encode(metadata: { version: number; topics: string[]; userData: Buffer }): Buffer
    decode(bytes: Buffer): { userData: Buffer }
  }
  MemberAssignment: { encode(assignment: { version: number; assignment: Record<string, number[]>; userData: Buffer }): Buffer }
}
const protocol = createRequire(import.meta.url)('kafkajs/src/consumer/assignerProtocol.js') as Protocol

/** Name under which the members agree on this assignment. */
export const assignerName = 'flowloom-sticky-v1'

/**
 * Shares partitions among members: each keeps what it had up to its fair share, the rest goes to those with the fewest.
 *
 * @param partitions Number of partitions.
 * @param members Member id and the partitions it had, in any order.
 * @returns Partitions by member id, ascending. Depends on nothing but the arguments.
 */
export function sharePartitions(partitions: number, members: readonly { id: string; owned: readonly number[] }[]): Map<string, number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const shares = new Map(sorted.map(member => [member.id, [] as number[]]))
  const free = new Set(Array.from({ length: partitions }, (_, p) => p))
  let larger = partitions % sorted.length
  const base = Math.floor(partitions / sorted.length)
  for (const member of sorted) {
    const share = shares.get(member.id)!
    for (const p of member.owned) {
      if (!free.has(p)) continue
      if (share.length === base && larger === 0) break
      if (share.length > base) break
      if (share.length === base) larger--
      share.push(p)
      free.delete(p)
    }
  }
  for (const p of free) {
    const [least] = [...shares.values()].sort((a, b) => a.length - b.length)
    least!.push(p)
  }
  for (const share of shares.values()) share.sort((a, b) => a - b)
  return shares
}

/**
 * Makes the assigner of one consumer.
 *
 * @param partitions Number of partitions, the same for all topics of the group.
 * @param owned What this member has now.
 */
export const stickyAssigner =
  (partitions: number, owned: () => readonly number[]): PartitionAssigner =>
  () => ({
    name: assignerName,
    version: 1,
    protocol: ({ topics }) => ({
      name: assignerName,
      metadata: protocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.from(JSON.stringify(owned())) }),
    }),
    assign: async ({ members, topics }) => {
      const known = members.map(({ memberId, memberMetadata }) => {
        const { userData } = protocol.MemberMetadata.decode(memberMetadata)
        return { id: memberId, owned: userData.length === 0 ? [] : (JSON.parse(userData.toString()) as number[]) }
      })
      return [...sharePartitions(partitions, known)].map(([memberId, share]) => ({
        memberId,
        memberAssignment: protocol.MemberAssignment.encode({
          version: 1,
          assignment: Object.fromEntries(topics.map(topic => [topic, share])),
          userData: Buffer.alloc(0),
        }),
      }))
    },
  })

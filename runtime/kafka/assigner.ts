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

/** Stands among the partitions of a member that is about to leave. Versions that do not know it take it for a partition that there is not. */
const leavingMark = -1

/** A member of a group. */
export interface Member {
  readonly id: string
  /** The partitions it had; -1 among them: it is about to leave. */
  readonly owned: readonly number[]
}

/**
 * Shares partitions among members: each keeps what it had up to its fair share, the rest goes to those with the fewest. A member that is about
 * to leave keeps what it still works on and gets nothing else.
 *
 * @param partitions Number of partitions.
 * @param members In any order.
 * @returns Partitions by member id, ascending; all of them if a member stays. Depends on nothing but the arguments.
 */
export function sharePartitions(partitions: number, members: readonly Member[]): Map<string, number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const shares = new Map(sorted.map(member => [member.id, [] as number[]]))
  const free = new Set(Array.from({ length: partitions }, (_, p) => p))
  const [leaving, staying] = [true, false].map(leaves => sorted.filter(({ owned }) => owned.includes(leavingMark) === leaves)) as [
    Member[],
    Member[],
  ]
  for (const { id, owned } of leaving) for (const p of owned) if (free.delete(p)) shares.get(id)!.push(p)
  let larger = free.size % staying.length
  const base = Math.floor(free.size / staying.length)
  for (const member of staying) {
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
    const [least] = staying.map(({ id }) => shares.get(id)!).sort((a, b) => a.length - b.length)
    least?.push(p)
  }
  for (const share of shares.values()) share.sort((a, b) => a - b)
  return shares
}

/**
 * Makes the assigner of one consumer.
 *
 * @param partitions Number of partitions, the same for all topics of the group.
 * @param owned What this member has now.
 * @param isLeaving True once this member is about to leave.
 */
export const stickyAssigner =
  (partitions: number, owned: () => readonly number[], isLeaving: () => boolean = () => false): PartitionAssigner =>
  () => ({
    name: assignerName,
    version: 1,
    protocol: ({ topics }) => ({
      name: assignerName,
      metadata: protocol.MemberMetadata.encode({
        ...{ version: 1, topics },
        userData: Buffer.from(JSON.stringify(isLeaving() ? [...owned(), leavingMark] : owned())),
      }),
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

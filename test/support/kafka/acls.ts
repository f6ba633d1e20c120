/** ACLs on a broker with the authorizer, and those of docs/operations.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { loadConfig } from '../../../config/config.ts'
import { createKafka } from '../../../runtime/kafka/client.ts'
import { createLog } from '../../../runtime/log.ts'
import type { Stack } from '../../../stack/local-stack.ts'
import { root } from '../processes/command-line.ts'

/** One thing that a login may do. */
export interface Acl {
  /** Roles and commands that need it. */
  readonly who: readonly string[]
  readonly resource: string
  /** With `*` at the end: every name that begins so. */
  readonly name: string
  readonly operation: string
}

// numbers of the protocol
const resourceTypes: Readonly<Record<string, number>> = { Topic: 2, Group: 3, Cluster: 4, TransactionalId: 5 }
const operations: Readonly<Record<string, number>> = {
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  DescribeConfigs: 10,
  IdempotentWrite: 12,
}
const [literal, prefixed, allowed] = [3, 4, 3]

const listed = (cell: string): string[] => cell.split(',').map(part => part.trim().replaceAll('`', ''))

/** The table of docs/operations.md. */
export function documentedAcls(): Acl[] {
  const page = readFileSync(join(root, 'docs', 'operations.md'), 'utf8')
  const parts = page.slice(page.indexOf('## What the login needs in Kafka')).split('\n\n')
  const rows = parts
    .find(part => part.startsWith('|'))!
    .split('\n')
    .slice(2)
  return rows.flatMap(row => {
    const [who, resource, names, allows] = row
      .split('|')
      .slice(1, 5)
      .map(cell => cell.trim())
    return listed(names!).flatMap(name => listed(allows!).map(operation => ({ who: listed(who!), resource: resource!, name, operation })))
  })
}

/** Comes by the plain listener, where everything is allowed. */
export class AclAdmin {
  readonly #admin: Admin

  private constructor(admin: Admin) {
    this.#admin = admin
  }

  static async open(stack: Stack): Promise<AclAdmin> {
    const { kafka } = loadConfig({ env: {}, overrides: { kafka: { brokers: stack.endpoints.kafkaBrokers } } })
    const admin = createKafka(kafka, 'acls', createLog('silent')).admin()
    await admin.connect()
    return new AclAdmin(admin)
  }

  /** Lets a login do these things too. */
  async allow(login: string, acls: readonly Omit<Acl, 'who'>[]): Promise<void> {
    const entries = acls.map(({ resource, name, operation }) => ({
      resourceType: resourceTypes[resource]!,
      resourceName: name.replace(/\*$/, ''),
      resourcePatternType: name.endsWith('*') ? prefixed : literal,
      principal: `User:${login}`,
      host: '*',
      operation: operations[operation]!,
      permissionType: allowed,
    }))
    if (entries.length === 0) return
    await this.#admin.createAcls({ acl: entries })
    // the broker applies what its controller has written a moment later
    await sleep(200)
  }

  /** The same, each as `Resource name Operation`. */
  async allowTexts(login: string, texts: readonly string[]): Promise<void> {
    await this.allow(
      login,
      texts.map(text => {
        const [resource, name, operation] = text.split(' ')
        return { resource: resource!, name: name!, operation: operation! }
      }),
    )
  }

  async close(): Promise<void> {
    await this.#admin.disconnect()
  }
}

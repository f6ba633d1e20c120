/** Users, roles, buckets and a queue behind a server that checks who asks, and this process as a machine that has credentials for them. */
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBucket, putObject, s3Client } from '../../../harness/s3.ts'
import { SignedAws, type Key } from './signed-aws.ts'

const everything = ['s3:', 'sqs:']

/** ARNs of the roles. */
export const roles = {
  /** All users may assume it. */
  reader: 'arn:aws:iam::111122223333:role/reader',
  /** The user `team` and the role `reader` may, with the external id `ours`. */
  partner: 'arn:aws:iam::444455556666:role/partner',
  /** Nobody may. */
  shut: 'arn:aws:iam::444455556666:role/shut',
} as const

const config = `
[profile team]
region = ap-south-1
[profile reading]
role_arn = ${roles.reader}
source_profile = team
role_session_name = of-the-profile
[profile shut]
role_arn = ${roles.shut}
source_profile = team
`

/** An AWS account with its server, its buckets and its queue. */
export class AwsAccount {
  readonly aws: SignedAws
  /** For settings and other files; deleted at the end. */
  readonly folder = mkdtempSync(join(tmpdir(), 'flowloom-aws-'))
  /** In us-east-1. */
  readonly bucket = `a${randomBytes(4).toString('hex')}`
  /** In eu-west-1. */
  readonly farBucket = `${this.bucket}-far`
  /** In us-east-1; its requester pays. */
  readonly paidBucket = `${this.bucket}-paid`
  /** In us-east-1. */
  readonly queuePath = `/000000000000/${this.bucket}`
  /** `team` has its key in a file, `chain` in the environment; `fixed` in neither. Each may do everything. */
  readonly keys: Readonly<Record<'team' | 'chain' | 'fixed', Key>>
  readonly #s3
  readonly #sqs: SQSClient
  readonly #local: string

  private constructor(aws: SignedAws, local: string) {
    this.aws = aws
    this.#local = local
    this.#s3 = s3Client(local)
    this.#sqs = new SQSClient({ endpoint: local, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } })
    this.keys = { team: aws.addKey('team', everything), chain: aws.addKey('chain', everything), fixed: aws.addKey('fixed', everything) }
  }

  /** Opens an account of its own on the local S3 and SQS server, and sets the environment of this process. */
  static async open(s3Endpoint: string): Promise<AwsAccount> {
    const account = new AwsAccount(await SignedAws.start(s3Endpoint), s3Endpoint)
    const { aws, bucket, farBucket, paidBucket, queuePath, keys, folder } = account
    for (const each of [bucket, farBucket, paidBucket]) await createBucket(account.#s3, each)
    await account.#sqs.send(new CreateQueueCommand({ QueueName: bucket }))
    aws.place(bucket, 'us-east-1')
    aws.place(farBucket, 'eu-west-1')
    aws.place(paidBucket, 'us-east-1', true)
    aws.place(queuePath, 'us-east-1')
    aws.addRole({ arn: roles.reader, trusts: ['team', 'chain', 'fixed'], grants: everything })
    aws.addRole({ arn: roles.partner, trusts: ['team', roles.reader], externalId: 'ours', grants: everything })
    aws.addRole({ arn: roles.shut, trusts: [], grants: everything })
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name)
    Object.assign(process.env, {
      AWS_CONFIG_FILE: join(folder, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
      AWS_ACCESS_KEY_ID: keys.chain.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.chain.secretAccessKey,
      AWS_ENDPOINT_URL_STS: aws.endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
    })
    writeFileSync(join(folder, 'config'), config)
    account.writeTeamKey(keys.team)
    return account
  }

  get queueUrl(): string {
    return this.aws.endpoint + this.queuePath
  }

  /** Writes the credentials file anew. */
  writeTeamKey({ accessKeyId, secretAccessKey }: Key): void {
    const text = `[team]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`
    writeFileSync(join(this.folder, 'credentials'), text)
  }

  /** Puts an object, as its owner. */
  async put(bucket: string, key: string, body: Buffer): Promise<void> {
    await putObject(this.#s3, bucket, key, body)
  }

  /** Sends a message to the queue, as its owner. */
  async notify(body: string): Promise<void> {
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#local + this.queuePath, MessageBody: body }))
  }

  /** Ends the server. */
  async close(): Promise<void> {
    this.#s3.destroy()
    this.#sqs.destroy()
    await this.aws.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

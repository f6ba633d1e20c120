/**
 * Asks EC2 what a flow log is like. The client of the SDK is large (70 MiB in memory), so it is loaded when something is asked for the first
 * time: a process that asks nothing does not have it.
 */
import type { EC2Client } from '@aws-sdk/client-ec2'
import type { S3Source } from '../settings.ts'
import type { AwsSettings } from '../../../aws/settings.ts'
import { FlowError, namedErrorText, type ErrorCode } from '../../../runtime/errors.ts'
import { counter } from '../../../runtime/metrics.ts'
import { parseObjectName } from '../../../schemas/object-name.ts'
import { credentialsOf, isCredentialTrouble } from '../../../aws/credentials.ts'
import { requestLimits } from '../../../aws/request-limits.ts'

const requests = counter('flowloom_ec2_requests_total', 'requests to EC2 as flowloom makes them; the retries of the SDK count once', [
  'result',
])

/** A flow log, and who may ask for it. */
export interface FlowLogName {
  readonly flowLogId: string
  readonly region: string
  /** Role to assume; undefined: the credentials of section `s3` as they are. */
  readonly roleArn: string | undefined
  /** What the trust policy of the role demands. */
  readonly externalId: string | undefined
}

/** What is needed of EC2. Every method rejects with FlowError FLOW_LOG_NOT_FOUND, FLOW_LOG_DENIED or EC2_UNAVAILABLE. */
export interface FlowLogService {
  /** `LogFormat` of a flow log, as AWS writes it. It cannot be changed after a flow log was made. */
  logFormat(name: FlowLogName): Promise<string>
  /** Rejects where asking is not allowed. Asks for nothing. */
  tryAsking(name: FlowLogName): Promise<void>
}

/**
 * The flow log whose lines an object has: as its key says, else as its source says.
 *
 * @throws FlowError FLOW_LOG_UNNAMED where neither does, or if the role needs an account that neither says.
 */
export function flowLogOf(
  settings: Pick<AwsSettings, 'region'>,
  source: S3Source,
  { bucket, key }: { bucket: string; key: string },
): FlowLogName {
  const { flowLogId, region, accountId: ofKey } = parseObjectName(key)
  const accountId = ofKey ?? source.account ?? null
  const id = flowLogId ?? source.flowLogId
  if (id === undefined) throw new FlowError('FLOW_LOG_UNNAMED', { bucket, key, detail: 'no flow log id in the key' })
  const roleArn = source.describeRoleArn ?? source.roleArn
  if (roleArn?.includes('{account}') === true && accountId === null)
    throw new FlowError('FLOW_LOG_UNNAMED', { bucket, key, detail: 'no account id in the key, and no account of its source' })
  return {
    flowLogId: id,
    region: region ?? source.region ?? settings.region,
    roleArn: roleArn?.replaceAll('{account}', accountId ?? ''),
    externalId: source.externalId,
  }
}

const codeByName: Readonly<Record<string, ErrorCode>> = {
  'InvalidFlowLogId.NotFound': 'FLOW_LOG_NOT_FOUND',
  'InvalidFlowLogId.Malformed': 'FLOW_LOG_NOT_FOUND',
  InvalidFlowLogId: 'FLOW_LOG_NOT_FOUND',
  UnauthorizedOperation: 'FLOW_LOG_DENIED',
  AuthFailure: 'FLOW_LOG_DENIED',
  AccessDenied: 'FLOW_LOG_DENIED',
  AccessDeniedException: 'FLOW_LOG_DENIED',
  OptInRequired: 'FLOW_LOG_DENIED',
}

/** Maps what the SDK throws by its name, then by its HTTP status. */
export function ec2Error(error: unknown, { flowLogId, region }: FlowLogName): FlowError {
  const isTrouble = isCredentialTrouble(error)
  if (error instanceof FlowError && !isTrouble) return error
  const { name = 'Error', $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } }
  const isRefused = $metadata?.httpStatusCode === 401 || $metadata?.httpStatusCode === 403
  const known = isTrouble ? undefined : (codeByName[name] ?? (isRefused ? 'FLOW_LOG_DENIED' : undefined))
  return new FlowError(known ?? 'EC2_UNAVAILABLE', { flowLogId, region, detail: namedErrorText(error) }, { cause: error })
}

/** A request on which nothing comes for so long is given up. */
const longestSilenceMs = 4000

/**
 * Makes the service. Opens no connection by itself.
 *
 * @param silentMs A request on which nothing comes for so long is given up.
 */
export function createFlowLogService(settings: AwsSettings, silentMs = longestSilenceMs): FlowLogService {
  const clients = new Map<string, Promise<EC2Client>>()
  const clientOf = (name: FlowLogName): Promise<EC2Client> => {
    const owner = `${name.region} ${name.roleArn ?? ''} ${name.externalId ?? ''}`
    let client = clients.get(owner)
    if (client === undefined) clients.set(owner, (client = openClient(settings, name, silentMs)))
    return client
  }
  const ask = async <T>(name: FlowLogName, call: (client: EC2Client) => Promise<T>): Promise<T> => {
    try {
      const answer = await call(await clientOf(name))
      requests.inc({ result: 'ok' })
      return answer
    } catch (error) {
      const known = ec2Error(error, name)
      requests.inc({ result: known.code })
      throw known
    }
  }
  return {
    logFormat: name =>
      ask(name, async client => {
        const { paginateDescribeFlowLogs } = await import('@aws-sdk/client-ec2')
        for await (const { FlowLogs = [] } of paginateDescribeFlowLogs({ client }, { FlowLogIds: [name.flowLogId] }))
          for (const { FlowLogId, LogFormat } of FlowLogs) if (FlowLogId === name.flowLogId && LogFormat !== undefined) return LogFormat
        throw new FlowError('FLOW_LOG_NOT_FOUND', { ...name, detail: 'EC2 does not list it' })
      }),
    tryAsking: name =>
      ask(name, async client => {
        const { DescribeFlowLogsCommand } = await import('@aws-sdk/client-ec2')
        try {
          await client.send(new DescribeFlowLogsCommand({ DryRun: true }))
        } catch (error) {
          if ((error as { name?: string }).name !== 'DryRunOperation') throw error
        }
      }),
  }
}

async function openClient(settings: AwsSettings, name: FlowLogName, silentMs: number): Promise<EC2Client> {
  const { EC2Client } = await import('@aws-sdk/client-ec2')
  const { ec2Endpoint } = settings
  return new EC2Client({
    region: name.region,
    credentials: credentialsOf(settings, name.region, name),
    // few and short: the object is tried again anyway, and the others of its partition wait meanwhile
    maxAttempts: 2,
    requestHandler: requestLimits(silentMs),
    ...(ec2Endpoint === undefined ? {} : { endpoint: ec2Endpoint }),
  })
}

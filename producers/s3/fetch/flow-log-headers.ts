/**
 * Header lines of flow logs whose objects come without one, as EC2 says them. A format never changes after a flow log was made, so an answer
 * is kept for good: every question, now or later, gets the same header line. A failure is kept for a growing while.
 */
import { FlowError } from '../../../runtime/errors.ts'
import type { FlowLogName, FlowLogService } from './describe-flow-logs.ts'
import { headerOfFormat } from '../text/log-format.ts'

/** Flow logs remembered; far more than anyone has. */
const mostFlowLogs = 10_000
const longestWaitMs = 60_000

/** What EC2 said of a flow log. */
type Known =
  | { readonly kind: 'asking'; readonly header: Promise<string> }
  | { readonly kind: 'known'; readonly header: string }
  | { readonly kind: 'failed'; readonly error: FlowError; readonly askedMs: number; readonly waitMs: number }

/** Asks for the header line of a flow log, and keeps the answers. One for all tasks of a process: nobody asks twice at once. */
export class FlowLogHeaders {
  readonly #service: FlowLogService
  readonly #firstWaitMs: number
  readonly #known = new Map<string, Known>()

  /** @param firstWaitMs How long the first failure is kept; doubles with each further one, to at most a minute. */
  constructor(service: FlowLogService, firstWaitMs: number) {
    this.#service = service
    this.#firstWaitMs = firstWaitMs
  }

  /**
   * The header line of a flow log.
   *
   * @param sinceMs A failure from before this time is not taken for an answer: a person says that the cause is fixed.
   * @throws FlowError of the service, and FLOW_LOG_FORMAT.
   */
  async headerOf(flowLog: FlowLogName, nowMs: number, sinceMs = -Infinity): Promise<string> {
    const { flowLogId, region, roleArn = '' } = flowLog
    const name = `${region}\n${roleArn}\n${flowLogId}`
    const known = this.#known.get(name)
    if (known?.kind === 'failed' && nowMs < known.askedMs + known.waitMs && known.askedMs >= sinceMs) throw known.error
    if (known !== undefined && known.kind !== 'failed') return known.header
    const header = this.#ask(flowLog)
    this.#keep(name, { kind: 'asking', header })
    try {
      this.#keep(name, { kind: 'known', header: await header })
    } catch (error) {
      if (!(error instanceof FlowError)) this.#known.delete(name)
      else {
        const waitMs = known === undefined ? this.#firstWaitMs : Math.min(known.waitMs * 2, longestWaitMs)
        this.#keep(name, { kind: 'failed', error, askedMs: nowMs, waitMs })
      }
    }
    return header
  }

  async #ask(flowLog: FlowLogName): Promise<string> {
    const format = await this.#service.logFormat(flowLog)
    const header = headerOfFormat(format)
    if (header === undefined) throw new FlowError('FLOW_LOG_FORMAT', { flowLogId: flowLog.flowLogId, detail: JSON.stringify(format) })
    return header
  }

  #keep(name: string, known: Known): void {
    this.#known.set(name, known)
    if (this.#known.size > mostFlowLogs) this.#known.delete(this.#known.keys().next().value!)
  }
}

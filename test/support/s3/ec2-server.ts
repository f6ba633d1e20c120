/** A server on loopback that speaks as much of the EC2 Query API (form in, XML out) as `DescribeFlowLogs` needs. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An error to answer with. */
export interface Ec2Fault {
  readonly status: number
  readonly code: string
  /** Times that it is given; then it is over. */
  times: number
}

const page = 2

/** Answers `DescribeFlowLogs` with what a test has put into it, and counts the requests. */
export class Ec2Server {
  readonly #server: Server
  /** `LogFormat` by id. */
  readonly flowLogs = new Map<string, string>()
  /** Parameters of the requests so far, with the region of the signature. */
  readonly requests: Record<string, string>[] = []
  fault: Ec2Fault | undefined
  /** Ignores the ids that are asked for and lists everything, page by page. */
  listsAll = false
  /** Cuts connections instead of answering. */
  down = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<Ec2Server> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const [, region = ''] = /Credential=[^/]+\/\d+\/([^/]+)\/ec2\//.exec(request.headers.authorization ?? '') ?? []
        ec2.#answer({ ...Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())), region }, response)
      })
    })
    const ec2 = new Ec2Server(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return ec2
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #answer(parameters: Record<string, string>, response: ServerResponse): void {
    this.requests.push(parameters)
    if (this.down) {
      response.destroy()
      return
    }
    const { fault } = this
    if (fault !== undefined && fault.times > 0) {
      fault.times--
      refuse(response, fault.status, fault.code)
    } else if (parameters['Action'] !== 'DescribeFlowLogs') refuse(response, 400, 'InvalidAction')
    else if (parameters['DryRun'] === 'true') refuse(response, 412, 'DryRunOperation')
    else this.#list(parameters, response)
  }

  #list(parameters: Record<string, string>, response: ServerResponse): void {
    const asked = Object.entries(parameters).flatMap(([name, value]) => (/^FlowLogId\.\d+$/.test(name) ? [value] : []))
    const found = [...this.flowLogs].filter(([id]) => this.listsAll || asked.length === 0 || asked.includes(id))
    const from = Number(parameters['NextToken'] ?? 0)
    const items = found
      .slice(from, from + page)
      .map(
        ([id, format]) => `<item><flowLogId>${id}</flowLogId><flowLogStatus>ACTIVE</flowLogStatus><logFormat>${format}</logFormat></item>`,
      )
    const next = from + page < found.length ? `<nextToken>${from + page}</nextToken>` : ''
    response
      .writeHead(200, { 'content-type': 'text/xml;charset=UTF-8' })
      .end(
        `<?xml version="1.0" encoding="UTF-8"?><DescribeFlowLogsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><flowLogSet>${items.join('')}</flowLogSet>${next}</DescribeFlowLogsResponse>`,
      )
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'text/xml;charset=UTF-8' })
    .end(
      `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>${code}</Code><Message>refused by the test</Message></Error></Errors><RequestID>r</RequestID></Response>`,
    )
}

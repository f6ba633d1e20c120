/** `/metrics`, `/healthz` and `/readyz` of a process. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HttpSettings } from './settings.ts'
import { errorText } from './errors.ts'
import type { Startable } from './lifecycle.ts'
import { registry } from './metrics.ts'

/** What the endpoints report. */
export interface Health {
  /** Names of what is not ready yet; empty means ready. */
  notReady(): readonly string[] | Promise<readonly string[]>
  /** The page of metrics; that of this process if it is not given. */
  metrics?(): Promise<string>
}

/** Serves metrics and health. */
export class HealthServer implements Startable {
  readonly name = 'http'
  readonly #settings: HttpSettings
  readonly #server: Server

  constructor(settings: HttpSettings, health: Health) {
    this.#settings = settings
    this.#server = createServer((request, response) => {
      const path = (request.url ?? '/').split('?')[0]
      if (path === '/metrics') {
        ;(health.metrics?.() ?? registry.metrics()).then(
          text => response.setHeader('content-type', registry.contentType).end(text),
          (error: unknown) => response.writeHead(500).end(`${errorText(error)}\n`),
        )
      } else if (path === '/healthz') {
        response.end('ok\n')
      } else if (path === '/readyz') {
        Promise.resolve(health.notReady()).then(
          waiting =>
            response
              .writeHead(waiting.length === 0 ? 200 : 503)
              .end(waiting.length === 0 ? 'ready\n' : `waiting for ${waiting.join(', ')}\n`),
          (error: unknown) => response.writeHead(500).end(`${errorText(error)}\n`),
        )
      } else {
        response.statusCode = 404
        response.end('try /metrics, /healthz or /readyz\n')
      }
    })
  }

  /** Port in use; known after `start`. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#settings.port, this.#settings.host, resolve)
    })
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { OtlpError } from '@rollcall/otlp'
import { ENDPOINTS } from './http/api.ts'
import { ExportHandler, SIGNAL_OF_PATH } from './http/export-handler.ts'
import { listDashboards, readServedFile } from './http/files.ts'
import { refuseForeign } from './http/guard.ts'
import { HttpError } from './http/http-error.ts'
import { notModified, reply, replyJson } from './http/reply.ts'
import { PlacedError } from './query/placed-error.ts'
import { RequestError } from './query/request.ts'
import { TelemetryStore } from './telemetry-store.ts'

export interface ViewerOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly minutes: number
  readonly memoryMib: number
  readonly maxSeries?: number
  readonly pagesDirectory?: string
  /** A folder of dashboards as `.json` files. Default: no dashboards. */
  readonly dashboardsDirectory?: string
}

const MOST_SERIES = 20_000
const AGED_EVERY_MS = 10_000
const PAGES = join(import.meta.dirname, 'pages')

/** Receives OTLP/HTTP, keeps a bounded time of it, and shows it. docs/viewer.md describes every endpoint. */
export class Viewer {
  readonly #options: ViewerOptions
  readonly #telemetry: TelemetryStore
  readonly #otlp: ExportHandler
  readonly #server: Server
  readonly #aging: NodeJS.Timeout

  private constructor(options: ViewerOptions) {
    const { minutes, memoryMib, maxSeries = MOST_SERIES } = options
    this.#options = options
    this.#telemetry = new TelemetryStore({ minutes, memoryMib, maxSeries })
    this.#otlp = new ExportHandler(this.#telemetry)
    this.#server = createServer(
      { requestTimeout: 20_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 },
      (request, response) => {
        void this.#serve(request, response)
      },
    )
    this.#server.maxConnections = 1000
    this.#aging = setInterval(() => this.#telemetry.letGoOfOld(), AGED_EVERY_MS).unref()
  }

  /** Rejects as `listen` does, such as with EADDRINUSE. */
  static async start(options: ViewerOptions): Promise<Viewer> {
    const viewer = new Viewer(options)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    viewer.#server.once('error', reject).listen(options.port, options.host, resolve)
    await promise
    return viewer
  }

  get url(): string {
    const { host } = this.#options
    const { port } = this.#server.address() as AddressInfo
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  /** At once: kept data are never on disk, and senders send again. */
  async close(): Promise<void> {
    clearInterval(this.#aging)
    this.#telemetry.close()
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response)
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy()
      else fail(request, response, error)
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams: parameters } = urlOf(request)
    const signal = SIGNAL_OF_PATH.get(path)
    const endpoints =
      ENDPOINTS[path] ?? (path.startsWith('/api/traces/') ? ENDPOINTS['/api/traces/:id'] : undefined)
    const isPage = !/^\/(api|v1|dashboards)\b/.test(path)
    refuseForeign(request, this.#options.host, isPage)
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
    if (signal !== undefined) {
      requireMethod(method, ['POST'])
      await this.#otlp.receive(signal, request, response)
    } else if (endpoints !== undefined) {
      requireMethod(method, Object.keys(endpoints))
      await endpoints[method]!({ telemetry: this.#telemetry, request, response, path, parameters })
    } else {
      requireMethod(method, ['GET'])
      await this.#file(path, request, response)
    }
  }

  async #file(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pagesDirectory = PAGES, dashboardsDirectory: dashboards } = this.#options
    if (path === '/dashboards.json') {
      replyJson(response, { dashboards: dashboards === undefined ? [] : await listDashboards(dashboards) })
      return
    }
    const dashboard = /^\/dashboards(\/[\w-]+\.json)$/.exec(path)?.[1]
    const { contentType, body, etag } = await (dashboard && dashboards !== undefined
      ? readServedFile(dashboards, dashboard)
      : readServedFile(pagesDirectory, path))
    if (request.headers['if-none-match'] === etag) notModified(response, etag)
    else reply(response, 200, contentType, body, { etag, 'cache-control': 'no-cache' })
  }
}

function urlOf(request: IncomingMessage): URL {
  const text = `http://viewer${request.url ?? '/'}`
  if (!URL.canParse(text)) throw new HttpError(400, 'The address of the request cannot be read.')
  return new URL(text)
}

function requireMethod(method: string, allowed: readonly string[]): void {
  if (!allowed.includes(method))
    throw new HttpError(405, `Only ${allowed.join(' and ')} can be asked for here.`, {
      allow: allowed.join(', '),
    })
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  // The rest of the body would be taken for the next request.
  const headers = request.complete ? {} : { connection: 'close' }
  if (error instanceof PlacedError) replyJson(response, { error: placeOf(error) }, 400, headers)
  else if (error instanceof RequestError)
    replyJson(response, { error: { message: error.message } }, 400, headers)
  else if (error instanceof HttpError)
    replyJson(response, { error: { message: error.message } }, error.status, { ...headers, ...error.headers })
  else if (error instanceof OtlpError)
    replyJson(response, { error: { message: error.message } }, error.status, headers)
  else {
    process.stderr.write(
      `The viewer failed at ${request.method} ${request.url?.slice(0, 200)}: ${(error as Error).stack}\n`,
    )
    replyJson(
      response,
      { error: { message: 'The viewer failed at this request; its standard error has the cause.' } },
      500,
      headers,
    )
  }
}

function placeOf({ message, query, text, error: { from, to } }: PlacedError): object {
  // A place beyond the end means the end, where something is missing.
  const pointer = `${text.replaceAll(/\s/g, ' ')}\n${' '.repeat(from)}${'^'.repeat(Math.max(1, to - from))}`
  return { message, query, text, from, to, column: from + 1, pointer }
}

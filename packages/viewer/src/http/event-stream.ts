import type { ServerResponse } from 'node:http'
import type { Signal } from '@rollcall/otlp'
import { HttpError } from './http-error.ts'

const MOST_LISTENERS = 64
const AT_MOST_EVERY_MS = 1000
const KEPT_OPEN_EVERY_MS = 15_000

/** Tells pages of new data, at most once a second. */
export class EventStream {
  readonly #listeners = new Set<ServerResponse>()
  readonly #fresh = new Set<Signal>()
  readonly #versionOf: () => number
  #waiting: NodeJS.Timeout | undefined
  readonly #keptOpen = setInterval(() => this.#write(':\n\n'), KEPT_OPEN_EVERY_MS).unref()

  constructor(versionOf: () => number) {
    this.#versionOf = versionOf
  }

  add(response: ServerResponse): void {
    if (this.#listeners.size >= MOST_LISTENERS)
      throw new HttpError(503, `${MOST_LISTENERS} pages are listening already.`, { 'retry-after': '10' })
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.write(this.#event(['metrics', 'traces', 'logs']))
    this.#listeners.add(response)
    response.on('close', () => this.#listeners.delete(response))
  }

  tell(signal: Signal): void {
    this.#fresh.add(signal)
    this.#waiting ??= setTimeout(() => this.#flush(), AT_MOST_EVERY_MS).unref()
  }

  close(): void {
    clearInterval(this.#keptOpen)
    clearTimeout(this.#waiting)
    for (const listener of this.#listeners) listener.end()
  }

  #flush(): void {
    this.#waiting = undefined
    this.#write(this.#event([...this.#fresh]))
    this.#fresh.clear()
  }

  #event(signals: readonly Signal[]): string {
    const data = {
      version: this.#versionOf(),
      metrics: signals.includes('metrics'),
      traces: signals.includes('traces'),
      logs: signals.includes('logs'),
    }
    return `event: data\ndata: ${JSON.stringify(data)}\n\n`
  }

  #write(text: string): void {
    // Events for a listener that does not read would stay in memory.
    for (const listener of this.#listeners)
      if (listener.writableLength > 65_536) listener.destroy()
      else listener.write(text)
  }
}

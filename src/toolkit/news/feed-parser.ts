import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Turns } from '../../turns.ts'
import { FeedError } from './feed-error.ts'
import type { FeedDocument, ParsedFeed } from './parse-document.ts'

/** For one document. The worst of 1 MiB that we found takes a second, an ordinary one a third of it. */
const PARSE_MAX_MS = 3000
const HEAP_MAX_MB = 128

/**
 * Parses in a thread of its own, so that a document made to be slow or large stops neither requests nor the process:
 * the thread is ended then, and the next document gets a new one. Nothing is loaded before the first document.
 */
export class FeedParser {
  readonly #turns = new Turns({ atOnce: 1 })
  readonly #closing = new AbortController()
  readonly #maxMs: number
  #thread: Worker | undefined

  constructor({ maxMs = PARSE_MAX_MS } = {}) {
    this.#maxMs = maxMs
  }

  /** Throws {@link FeedError} `unreadable`. */
  async parse(document: FeedDocument): Promise<ParsedFeed> {
    await this.#turns.take()
    try {
      const feed = await this.#ask(document)
      if (feed === null) throw new Error('it has none of the formats')
      return feed
    } catch (error) {
      throw new FeedError('unreadable', { cause: error })
    } finally {
      this.#turns.give()
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#thread?.terminate()
  }

  async #ask(document: FeedDocument): Promise<ParsedFeed | null> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#maxMs), this.#closing.signal])
    signal.throwIfAborted()
    this.#thread ??= startThread()
    const thread = this.#thread
    thread.ref()
    try {
      const answered = once(thread, 'message', { signal })
      thread.postMessage(document)
      const [feed] = await answered
      return feed
    } catch (error) {
      this.#thread = undefined
      await thread.terminate()
      throw error
    } finally {
      thread.unref()
    }
  }
}

function startThread(): Worker {
  const thread = new Worker(new URL('./parser-thread.ts', import.meta.url), {
    // Options of the process, such as a preloaded file, are not for it.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB },
  })
  // Without a listener, an error that comes too late would end the process.
  return thread.on('error', () => {})
}

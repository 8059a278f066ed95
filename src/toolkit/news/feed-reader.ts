import { BlockList } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { type Config, parsePeers } from '../../config.ts'
import type { Database } from '../../db/database.ts'
import { NoTurnError, Turns } from '../../turns.ts'
import { FeedClient, type ObserveRequest } from './feed-client.ts'
import { FeedError } from './feed-error.ts'
import { FeedParser } from './feed-parser.ts'
import { type FeedCopy, keepAnswer, keepFailure } from './feed-store.ts'
import { networks } from './networks.ts'

const FETCHES_AT_ONCE = 8
const QUEUE = { queueMax: 100, queueMaxMs: 2000 }

interface OpenOptions {
  db: Database
  config: Config
  version: string
  observe: ObserveRequest
}

/** Opened for the life of the application, which closes it. */
export function openFeedReader(
  app: FastifyInstance,
  { db, config, version, observe }: OpenOptions,
): FeedReader {
  const allowed = parsePeers(config.feedAddressesAllowed) ?? new BlockList()
  const reader = new FeedReader({
    db,
    client: new FeedClient({ networks: networks(allowed), userAgent: `rollcall/${version}`, observe }),
    timeoutMs: config.feedTimeoutMs,
    failed: (error) => app.log.debug({ err: error.cause ?? error }, 'feed not fetched'),
  })
  // Before the connections are closed: requests wait for feeds.
  app.addHook('preClose', () => reader.close())
  return reader
}

interface FeedReaderOptions {
  db: Database
  client: FeedClient
  /** For one feed, its redirects included. */
  timeoutMs: number
  /** Told of each feed that could not be fetched. */
  failed: (error: FeedError) => void
}

/** Keeps the copies of feeds up to date: each one is fetched once for all its readers, when it is asked for. */
export class FeedReader {
  readonly #options: FeedReaderOptions
  readonly #turns = new Turns({ atOnce: FETCHES_AT_ONCE, ...QUEUE })
  readonly #parser = new FeedParser()
  readonly #fetching = new Map<number, Promise<void>>()
  readonly #closing = new AbortController()

  constructor(options: FeedReaderOptions) {
    this.#options = options
  }

  /**
   * Fetches those that are due, side by side, and waits for them no longer than told: the others are kept when they
   * have come. Says whether any was due.
   */
  async freshen(copies: readonly FeedCopy[], waitMs: number): Promise<boolean> {
    const due = copies.filter(({ due_at }) => due_at <= Date.now())
    if (due.length === 0) return false
    const stop = new AbortController()
    const all = Promise.all(due.map((copy) => this.#fetchOnce(copy)))
    try {
      await Promise.race([all, delay(waitMs, undefined, { signal: stop.signal }).catch(() => {})])
    } finally {
      stop.abort()
      // Whoever waits no longer need not know: the next one who asks fetches it again.
      all.catch(() => {})
    }
    return true
  }

  /** Fetches nothing more, and waits for what is being kept. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#turns.close(new FeedError('busy'))
    await this.#parser.close()
    await Promise.allSettled(this.#fetching.values())
  }

  #fetchOnce(copy: FeedCopy): Promise<void> {
    let fetching = this.#fetching.get(copy.feed_id)
    if (fetching === undefined) {
      fetching = this.#fetch(copy).finally(() => this.#fetching.delete(copy.feed_id))
      this.#fetching.set(copy.feed_id, fetching)
    }
    return fetching
  }

  async #fetch(copy: FeedCopy): Promise<void> {
    const { db, failed } = this.#options
    try {
      await this.#takeTurn()
      try {
        await this.#update(copy)
      } finally {
        this.#turns.give()
      }
    } catch (error) {
      // Stopped by us, and no fault of the feed.
      if (this.#closing.signal.aborted) return
      if (!(error instanceof FeedError)) throw error
      failed(error)
      await keepFailure(db, copy, error, Date.now())
    }
  }

  async #takeTurn(): Promise<void> {
    try {
      await this.#turns.take()
    } catch (error) {
      throw error instanceof NoTurnError ? new FeedError('busy', { cause: error }) : error
    }
  }

  async #update(copy: FeedCopy): Promise<void> {
    const { db, client, timeoutMs } = this.#options
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal])
    const validators = { etag: copy.etag, lastModified: copy.last_modified }
    const answer = await client.get(copy.url, validators, signal)
    const isNew = answer.status === 200
    const feed = isNew
      ? await this.#parser.parse({
          bytes: answer.body,
          contentType: answer.headers['content-type'],
          url: answer.url.href,
        })
      : undefined
    await keepAnswer(db, copy.feed_id, answer, feed, Date.now())
  }
}

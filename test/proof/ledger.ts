/**
 * The driver's own ledger, loaded before the service (`--import`): counts what better-sqlite3 really executed, below
 * everything of ours. An attempt that SQLite refuses for a lock executed nothing and is no entry. Each statement is
 * booked under the page that its request's client says it asks for (the header `x-page`), so this knows nothing of
 * routes. The counts are in files, which also a SIGKILL leaves as they are: LEDGER_DIR/<pid>.<page>.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { openSync, writeFileSync, writeSync } from 'node:fs'
import { type IncomingMessage, Server } from 'node:http'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Sqlite from 'better-sqlite3'

const directory = process.env.LEDGER_DIR as string
const fileOf = (name: string) => join(directory, `${process.pid}.${name}`)

interface Counter {
  file: number
  count: number
}
const counters = new Map<string, Counter>()
const pages = new AsyncLocalStorage<string>()

function book(): void {
  const page = pages.getStore() ?? 'none'
  let counter = counters.get(page)
  if (!counter) {
    counter = { file: openSync(fileOf(page), 'w'), count: 0 }
    counters.set(page, counter)
  }
  counter.count += 1
  // Over what stands there: a number never gets shorter.
  writeSync(counter.file, String(counter.count), 0)
}

const REQUEST_EVENTS = new Set(['request', 'checkContinue', 'checkExpectation'])
const emit = Server.prototype.emit
Server.prototype.emit = function (this: Server, event: string | symbol, ...args: unknown[]): boolean {
  if (!REQUEST_EVENTS.has(String(event))) return emit.call(this, event, ...args)
  const page = String((args[0] as IncomingMessage).headers['x-page'] ?? 'none')
  return pages.run(/^[a-z]+$/.test(page) ? page : 'none', () => emit.call(this, event, ...args))
}

function isRefusedByLock(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
}

function watch(prototype: Record<string, unknown>, method: string): void {
  const original = prototype[method] as (...args: unknown[]) => unknown
  prototype[method] = function counted(this: unknown, ...args: unknown[]) {
    try {
      const result = original.apply(this, args)
      book()
      return result
    } catch (error) {
      if (!isRefusedByLock(error)) book()
      throw error
    }
  }
}

const probe = new Sqlite(':memory:')
const statements = Object.getPrototypeOf(probe.prepare('select 1'))
for (const method of ['run', 'get', 'all', 'iterate']) watch(statements, method)
probe.close()
watch(Sqlite.prototype as unknown as Record<string, unknown>, 'exec')

// A signal that nobody else listens to, and that ends nothing: what is in use after a garbage collection.
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
let weighings = 0
process.on('SIGWINCH', () => {
  collectGarbage()
  const { rss, heapUsed, external } = process.memoryUsage()
  weighings += 1
  writeFileSync(fileOf('memory'), `${JSON.stringify({ weighings, rss, heapUsed, external })}\n`)
})

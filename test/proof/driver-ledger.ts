import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Teardown, temporaryFolder } from '../support/harness.ts'

/** In bytes, after a garbage collection. */
export interface Memory {
  rss: number
  heapUsed: number
  external: number
}

/** Reads what `ledger.ts` books in every process that is started with its preload and environment. */
export class DriverLedger {
  readonly preload = pathToFileURL(join(import.meta.dirname, 'ledger.ts')).href
  readonly env: { readonly LEDGER_DIR: string }
  /** What the last weighing of a process was. */
  readonly #weighings = new Map<number, number>()

  constructor(t: Teardown) {
    this.env = { LEDGER_DIR: join(temporaryFolder(t), 'ledger') }
    mkdirSync(this.env.LEDGER_DIR)
  }

  /** Statements that were executed for each page, by all processes; 'none' is outside of any. */
  byPage(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const name of readdirSync(this.env.LEDGER_DIR)) {
      const page = name.slice(name.indexOf('.') + 1)
      if (page === 'memory') continue
      const count = Number(readFileSync(join(this.env.LEDGER_DIR, name), 'utf8'))
      counts.set(page, (counts.get(page) ?? 0) + count)
    }
    return counts
  }

  total(): number {
    return [...this.byPage().values()].reduce((sum, count) => sum + count, 0)
  }

  /** Makes the process collect its garbage; undefined when it does not answer within some seconds. */
  async weigh(pid: number): Promise<Memory | undefined> {
    const file = join(this.env.LEDGER_DIR, `${pid}.memory`)
    const before = this.#weighings.get(pid) ?? 0
    const deadline = performance.now() + WEIGHING_MS
    process.kill(pid, 'SIGWINCH')
    while (performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      const text = readText(file)
      if (!text.endsWith('\n')) continue
      const { weighings, ...memory } = JSON.parse(text) as Memory & { weighings: number }
      if (weighings === before) continue
      this.#weighings.set(pid, weighings)
      return memory
    }
    return undefined
  }
}

const WEIGHING_MS = 5000

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

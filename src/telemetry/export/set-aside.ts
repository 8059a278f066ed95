import { mkdir, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Signal } from '../otlp-settings.ts'
import type { Body } from './body.ts'
import { bodyFile, writeBodyFile } from './body-file.ts'
import type { SetAsideReason } from './books.ts'

export interface Remark {
  reason: SetAsideReason
  /** What the receiver said. */
  status?: number
  message?: string
}

export interface Pruned {
  signal: Signal
  items: number
  /** Set aside by this process, and not by an earlier one. */
  isOwn: boolean
}

/** Keeps what the receiver will never take, with its reason, for people. Bounded: the oldest makes room. */
export class SetAside {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #own = new Map<string, number>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(directory: string, maxBytes: number) {
    this.#folder = join(directory, 'set-aside')
    this.#maxBytes = maxBytes
  }

  /** `items`: how many of the body's are set aside. Throws where nothing can be written; tells what had to go. */
  put(body: Body, items: number, remark: Remark): Promise<Pruned[]> {
    const done = this.#last.then(() => this.#put(body, items, remark))
    this.#last = done.catch(() => {})
    return done
  }

  async #put(body: Body, items: number, remark: Remark): Promise<Pruned[]> {
    await mkdir(this.#folder, { recursive: true })
    const at = new Date().toISOString()
    const { path } = await writeBodyFile(this.#folder, body, { ...remark, itemsSetAside: items, at })
    this.#own.set(path, items)
    return this.#prune()
  }

  async #prune(): Promise<Pruned[]> {
    const files: { path: string; signal: Signal; items: number; size: number; changed: number }[] = []
    for (const name of await readdir(this.#folder)) {
      const file = bodyFile(this.#folder, name)
      const found = file && (await stat(file.path).catch(() => undefined))
      if (file && found) files.push({ ...file, size: found.size, changed: found.mtimeMs })
    }
    files.sort((a, b) => a.changed - b.changed)
    let bytes = files.reduce((sum, { size }) => sum + size, 0)
    const pruned: Pruned[] = []
    for (const { path, signal, items, size } of files) {
      if (bytes <= this.#maxBytes) break
      bytes -= size
      const isGone = await unlink(path).then(
        () => true,
        () => false,
      )
      const own = this.#own.get(path)
      this.#own.delete(path)
      if (isGone) pruned.push({ signal, items: own ?? items, isOwn: own !== undefined })
      else if (own !== undefined) pruned.push({ signal, items: own, isOwn: true })
    }
    return pruned
  }
}

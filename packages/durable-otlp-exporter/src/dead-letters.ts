import { mkdir, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeadLetterReason } from './counts.ts'
import type { Signal } from './otlp-endpoint.ts'
import type { OtlpRequest } from './request.ts'
import { requestFile, writeRequestFile } from './request-file.ts'

export interface Remark {
  reason: DeadLetterReason
  /** The receiver's answer. */
  status?: number
  message?: string
}

export interface Pruned {
  signal: Signal
  items: number
  /** A dead letter of this process, and not of an earlier one. */
  isOwn: boolean
}

/**
 * Keeps requests that the receiver will never take, with the reason, for people. Bounded: the oldest make room. Several
 * processes may share the folder. Each lists it only after adding a part of the bound itself.
 */
export class DeadLetters {
  readonly #folder: string
  readonly #maxBytes: number
  /** Paths and items of the dead letters of this process that are still there. */
  #own = new Map<string, number>()
  /** Bytes added since the last listing of the folder. */
  #added = Number.POSITIVE_INFINITY
  #last: Promise<unknown> = Promise.resolve()

  constructor(directory: string, maxBytes: number) {
    this.#folder = join(directory, 'dead-letters')
    this.#maxBytes = maxBytes
  }

  /**
   * `items` is the number of dead letters in the request. Returns the removed files. Throws if the folder cannot be
   * written.
   */
  put(request: OtlpRequest, items: number, remark: Remark): Promise<Pruned[]> {
    const done = this.#last.then(() => this.#put(request, items, remark))
    this.#last = done.catch(() => {})
    return done
  }

  async #put(request: OtlpRequest, items: number, remark: Remark): Promise<Pruned[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const at = new Date().toISOString()
    const said = { ...remark, deadLetterItems: items, at }
    // The name has this number: another process that removes the file counts these items, and not the whole request.
    const { path, size } = await writeRequestFile(this.#folder, request, said, items)
    this.#own.set(path, items)
    this.#added += size
    // A listing takes longer with more files: prune to less than the bound, and then not for a while.
    const slack = this.#maxBytes / LOOKS
    return this.#added > slack ? this.#prune(this.#maxBytes - slack) : []
  }

  async #prune(maxBytes: number): Promise<Pruned[]> {
    const files = (await readdir(this.#folder).catch(() => []))
      .map((name) => requestFile(this.#folder, name))
      .filter((file) => file !== undefined)
      .sort((a, b) => a.time - b.time)
    let bytes = files.reduce((sum, { size }) => sum + size, 0)
    const pruned: Pruned[] = []
    const own = new Map<string, number>()
    for (const { path, signal, items, size } of files) {
      const ownItems = this.#own.get(path)
      if (bytes <= maxBytes) {
        if (ownItems !== undefined) own.set(path, ownItems)
        continue
      }
      bytes -= size
      const isGone = await unlink(path).then(
        () => true,
        () => false,
      )
      if (isGone || ownItems !== undefined)
        pruned.push({ signal, items: ownItems ?? items, isOwn: ownItems !== undefined })
    }
    this.#own = own
    this.#added = 0
    return pruned
  }
}

const LOOKS = 16

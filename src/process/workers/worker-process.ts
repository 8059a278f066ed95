import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { type FromWorker, SLOT_VARIABLE, type ToWorker } from './messages.ts'
import type { SharedCounts } from './shared-counts.ts'

export interface WorkerOptions {
  readonly slot: number
  readonly env: NodeJS.ProcessEnv
  /** The file descriptor of the bound socket. */
  readonly socket: number
  /** A worker that has been told to end is killed after this long, in milliseconds. */
  readonly killAfterMs: number
  readonly counts: SharedCounts
}

export interface Ready {
  readonly url: string
  readonly telemetryDestination: string
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The worker's own reason for not starting. */
  readonly reason: string | undefined
  /** Milliseconds from its readiness to its end; undefined if it never served. */
  readonly servedMs: number | undefined
}

const PROGRAM = join(import.meta.dirname, 'worker.ts')

/** One worker from its start to its end. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #killAfterMs: number
  #readyAt: number | undefined
  #reason: string | undefined
  #killing: NodeJS.Timeout | undefined
  /** Undefined when it ends before it serves. */
  readonly ready: Promise<Ready | undefined>
  readonly ended: Promise<Ended>

  constructor({ slot, env, socket, killAfterMs, counts }: WorkerOptions) {
    this.#killAfterMs = killAfterMs
    this.#child = fork(PROGRAM, [], {
      env: { ...env, [SLOT_VARIABLE]: String(slot) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', socket],
    })
    const ready = Promise.withResolvers<Ready | undefined>()
    const ended = Promise.withResolvers<Ended>()
    this.ready = ready.promise
    this.ended = ended.promise
    const end = ([code, signal]: [number | null, NodeJS.Signals | null]) => {
      clearTimeout(this.#killing)
      ready.resolve(undefined)
      ended.resolve({ code, signal, reason: this.#reason, servedMs: this.servedMs })
    }
    this.#child.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'ready':
          this.#readyAt = performance.now()
          ready.resolve(message)
          break
        case 'failed':
          this.#reason = message.reason
          break
        case 'attempt':
          this.#answer({ id: message.id, ...counts.add(message.key, message.windowMs) })
      }
    })
    const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      this.#child.once('exit', (...exit) => resolve(exit))
    })
    // When it has exited, the channel may still hold its last messages.
    const unheard = new Promise<void>((resolve) => this.#child.once('disconnect', resolve))
    void Promise.all([exited, unheard]).then(([exit]) => end(exit))
    // Without a pid it never started: the system has no room for another process.
    this.#child.on('error', (error) => {
      if (this.pid !== undefined) return
      this.#reason = error.message
      end([null, null])
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Milliseconds since it was ready; undefined before. */
  get servedMs(): number | undefined {
    return this.#readyAt === undefined ? undefined : performance.now() - this.#readyAt
  }

  /** Tells it to end in order, and kills it if it hangs. */
  stop(): void {
    if (this.#killing) return
    this.#killing = setTimeout(() => this.kill(), this.#killAfterMs)
    this.#child.kill('SIGTERM')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #answer(message: ToWorker): void {
    // A worker that has ended meanwhile needs no answer.
    if (this.#child.connected) this.#child.send(message, () => {})
  }
}

import closeWithGrace from 'close-with-grace'
import { SIGNAL_ECHO_MS } from './signal-echo.ts'

type Close = (reason: { err?: Error | undefined }) => Promise<void>

export interface ShutdownOptions {
  /** In milliseconds; after it the process ends with work unfinished. */
  readonly delay: number
  readonly logger: { error(message: unknown): void }
  /** Signals that the caller handles. */
  readonly skip?: readonly closeWithGrace.Signals[]
  /** Called before the process ends early: at a second signal, or after `delay`. */
  readonly onCut?: () => void
}

/** Signals that people and supervisors send to end a process. */
const ENDING = ['SIGINT', 'SIGTERM'] as const

/**
 * Runs `close` once and ends the process, with code 0 when all went well: at a signal, after an unexpected error, or at
 * a call of the returned function. A second signal ends the process at once, unless it is the first one's echo. SIGHUP
 * is left to the caller, because a closing terminal may send it twice.
 */
export function onShutdown({ delay, logger, skip = [], onCut }: ShutdownOptions, close: Close): () => void {
  let closingSince: number | undefined
  const closing = closeWithGrace(
    {
      delay,
      logger,
      skip: ['SIGHUP', ...ENDING, ...skip],
      ...(onCut && { onSecondSignal: onCut, onTimeout: onCut }),
    },
    async (reason) => {
      closingSince = performance.now()
      await close(reason)
    },
  )
  function stop(): void {
    if (closingSince === undefined) void closing.close()
  }
  for (const signal of ENDING.filter((each) => !skip.includes(each)))
    process.on(signal, () => {
      if (closingSince === undefined) return stop()
      if (performance.now() - closingSince < SIGNAL_ECHO_MS) return
      logger.error(`second ${signal}, exiting`)
      onCut?.()
      process.exit(1)
    })
  return stop
}

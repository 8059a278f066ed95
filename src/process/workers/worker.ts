import { readConfig } from '../../config.ts'
import { serve } from '../../service.ts'
import { onShutdown } from '../shutdown.ts'
import { startFailure } from '../start-failure.ts'
import { type FromWorker, SLOT_VARIABLE, SOCKET_FD } from './messages.ts'
import { countsOfPrimary } from './shared-counts.ts'

/** The program of one worker: serves on the socket that the primary process bound, and ends with it. */

function tell(message: FromWorker): Promise<void> {
  // A primary process that is gone needs no answer.
  return new Promise((resolve) => {
    if (process.send && process.connected) process.send(message, () => resolve())
    else resolve()
  })
}

// A terminal sends these to every process in it; the primary process decides, and sends SIGTERM.
const FROM_TERMINAL = ['SIGINT', 'SIGHUP'] as const
for (const signal of FROM_TERMINAL) process.on(signal, () => {})

try {
  const config = readConfig(process.env)
  const { url, telemetryDestination, logger, close } = await serve({
    config,
    listenOn: { fd: SOCKET_FD },
    slot: Number(process.env[SLOT_VARIABLE]),
    attemptCounts: countsOfPrimary(),
  })
  const stop = onShutdown(
    { delay: config.shutdownGraceMs, logger, skip: [...FROM_TERMINAL] },
    async ({ err }) => {
      if (err) logger.fatal({ err }, 'stopping after an unexpected error')
      await close()
    },
  )
  // Without the primary process, nothing would replace or stop this one.
  process.once('disconnect', stop)
  if (!process.connected) stop()
  await tell({ kind: 'ready', url, telemetryDestination })
} catch (error) {
  await tell({ kind: 'failed', reason: startFailure(error) })
  process.exit(1)
}

import { lookup } from 'node:dns/promises'
import net from 'node:net'
import type { Logger } from 'pino'
import { type Config, ConfigError } from '../../config.ts'
import { createLogger } from '../../telemetry/logging.ts'
import { logServing, type Serving, sayStopping } from '../banner.ts'
import { onShutdown } from '../shutdown.ts'
import { SharedCounts } from './shared-counts.ts'
import { Slot } from './slot.ts'
import { watchTerminal } from './terminal.ts'
import { type Ended, WorkerProcess } from './worker-process.ts'

/** A worker ends by itself within the grace; a worker that does not is killed this much later. */
const KILL_MARGIN_MS = 1000

/** This many workers of one slot in a row that hardly served, and none that did: a restart will not help. */
const CRASH_LOOP = 5

/**
 * The process that serves nothing itself: it binds the socket, starts the workers that listen on it, and replaces each
 * worker that ends. The kernel's queue of connections lives as long as this process, so that no client is refused while
 * workers change. docs/decisions/0011 has the reasons.
 *
 * SIGHUP replaces the workers one after the other. Resolves when all serve, or to undefined when the first one could
 * not. Throws as `listen` does.
 */
export async function startWorkers(config: Config): Promise<Serving | undefined> {
  const socket = await bind(config)
  const logger = createLogger({ level: config.logLevel })
  const killAfterMs = config.shutdownGraceMs + KILL_MARGIN_MS
  const env = { ...process.env, WORKERS: String(config.workers) }

  const counts = new SharedCounts()

  let hasServed = false
  let failure: string | undefined
  function onEarlyEnd(ended: Ended, count: number): void {
    if (!hasServed) giveUp(ended.reason ?? `The first worker ended (${describeEnd(ended)}) before it served.`)
    else if (count >= CRASH_LOOP && !slots.some((slot) => slot.isSettled))
      giveUp(
        `${count} workers in a row ended soon after their start, the last ${describeEnd(ended)}; look for "worker ended" in the log, and start again when the cause is mended.`,
      )
  }
  function giveUp(sentence: string): void {
    failure ??= sentence
    stop()
  }

  const slots = Array.from(
    { length: config.workers },
    (_, index) =>
      new Slot({
        number: index + 1,
        start: (slot) => new WorkerProcess({ slot, env, socket: socket.fd(), killAfterMs, counts }),
        logger,
        onEarlyEnd,
      }),
  )

  function killAll(): void {
    for (const slot of slots) slot.kill()
  }

  const stop = onShutdown(
    {
      // The timers that kill a hanging worker come first.
      delay: killAfterMs + KILL_MARGIN_MS,
      logger,
      onCut: killAll,
    },
    async ({ err }) => {
      if (err) logger.fatal({ err }, 'stopping after an unexpected error')
      if (failure === undefined) sayStopping()
      // Each worker closes its own; new connections are refused, as after the end.
      socket.close()
      const inOrder = await Promise.all(slots.map((slot) => slot.stop()))
      if (failure !== undefined) process.stderr.write(`${failure}\n`)
      if (failure !== undefined || inOrder.includes(false)) process.exit(1)
    },
  )

  const isTerminalGone = watchTerminal()
  const { promise: started, resolve: setStarted } = Promise.withResolvers<void>()
  let restarted: Promise<void> = started
  process.on('SIGHUP', () => {
    if (isTerminalGone()) stop()
    else restarted = restarted.then(() => restart(slots, logger))
  })

  const [first, ...others] = slots as [Slot, ...Slot[]]
  // The first worker starts alone, so that one process migrates and a failure to start is reported once.
  const ready = await first.fill()
  if (!ready) return undefined
  hasServed = true
  await Promise.all(others.map((slot) => slot.fill()))
  if (first.isStopped) return
  setStarted()
  logServing(logger, { url: ready.url, workers: config.workers })
  return { ...ready, workers: { count: config.workers, primaryPid: process.pid } }
}

/** Throws as `listen` does. */
async function bind({ host, port }: Config): Promise<net.BoundSocket> {
  // Node has it since 26.4; the service alone runs on older ones.
  if (net.BoundSocket === undefined)
    throw new ConfigError(
      `More than one worker needs Node 26.4 and this is ${process.version}; leave WORKERS at 1 or take the Node that npm brings.`,
    )
  const { address } = await lookup(host)
  const socket = new net.BoundSocket({ host: address, port })
  if (socket.fd() < 0)
    throw new ConfigError('Processes cannot share a socket on this system; leave WORKERS at 1.')
  return socket
}

async function restart(slots: readonly Slot[], logger: Logger): Promise<void> {
  logger.info('restarting the workers')
  for (const slot of slots) {
    if (await slot.replace()) continue
    if (!slot.isStopped)
      logger.error({ slot: slot.number }, 'the restart ends here: a worker did not start; the others stay')
    return
  }
  logger.info('restarted the workers')
}

function describeEnd({ code, signal }: Ended): string {
  return signal === null ? `with code ${code}` : `by ${signal}`
}

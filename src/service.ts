import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { buildApp } from './app.ts'
import { startChecks } from './checks/start.ts'
import { type Config, shutdownBudget } from './config.ts'
import { openDatabase } from './db/database.ts'
import { migrateToLatest } from './db/migrate.ts'
import type { AttemptCounts } from './http/attempt-counts.ts'
import { createLogger, NO_LINE } from './telemetry/logging.ts'
import { queryTiming } from './telemetry/query-timing.ts'
import { startTelemetry } from './telemetry/start.ts'

export interface ServiceOptions {
  readonly config: Config
  /** A socket of its own, or one that another process has bound. */
  readonly listenOn: { readonly host: string; readonly port: number } | { readonly fd: number }
  /** The number of this worker, from 1; none in a single process. */
  readonly slot?: number
  /** Counts attempts for the limits. Without it, the limits hold for this process alone. */
  readonly attemptCounts?: AttemptCounts
}

export interface Service {
  readonly url: string
  /** The destination of metrics, for people. */
  readonly telemetryDestination: string
  readonly logger: Logger
  /** Answers accepted requests, sends the last interval and closes the database; once. */
  close(): Promise<void>
}

/** A person who has just started it wants to see that it sends, or to read in its log that no receiver answers. */
const FIRST_INTERVAL_MS = 1000

/**
 * Time for the last export of a failed start, in milliseconds; the rest waits on disk. A process that has no name yet can
 * export nothing, so it waits for as little as it can.
 */
const FAILED_START_MS = { named: 2000, nameless: 1 }

/**
 * One process that serves. Its parts start in the order of their dependencies and stop in the reverse order: by
 * `close`, and when a later part fails to start.
 */
export async function serve(options: ServiceOptions): Promise<Service> {
  const opened = new AsyncDisposableStack()
  try {
    return await openAll(options, opened)
  } catch (error) {
    try {
      await opened.disposeAsync()
    } catch {
      // The first error is the one to mend.
    }
    throw error
  }
}

async function openAll(
  { config, listenOn, slot, attemptCounts }: ServiceOptions,
  opened: AsyncDisposableStack,
): Promise<Service> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  let isServing = false

  // With PORT=0 the instance's name is known only once it listens; the SDK waits for it before it exports. A process
  // that never listens has no name, and so exports nothing.
  const address = Promise.withResolvers<string>()
  const telemetry = startTelemetry({
    env: process.env,
    serviceVersion: version,
    hostName: hostname(),
    supportTag: config.supportTag,
    instanceId: config.instanceId === '' ? address.promise : config.instanceId,
    ...(slot !== undefined && { slot }),
    export: {
      directory: config.telemetryDir,
      waitingMax: config.telemetryWaitingMax,
      maxRequestBytes: config.telemetryBodyMaxBytes,
      metricsMaxRequestBytes: config.telemetryMetricsBodyMaxBytes,
      spoolMaxBytes: config.telemetrySpoolMaxBytes,
      deadLettersMaxBytes: config.telemetryDeadLettersMaxBytes,
      metricsMaxAgeSeconds: config.telemetryMetricsMaxAgeSeconds,
      firstIntervalMs: FIRST_INTERVAL_MS,
    },
  })
  const logger = createLogger({
    level: config.logLevel,
    telemetry,
    ...(slot !== undefined && { fields: { slot } }),
  })
  opened.defer(async () => {
    // The caller reports why it does not start.
    if (!isServing) logger.level = 'silent'
    const failedMs = FAILED_START_MS[config.instanceId === '' ? 'nameless' : 'named']
    await telemetry.shutdown(isServing ? shutdownBudget(config).telemetryMs : failedMs)
  })

  const db = openDatabase({
    url: config.databaseUrl,
    busyTimeoutMs: config.databaseBusyTimeoutMs,
    observer: queryTiming(telemetry),
  })
  opened.defer(() => db.destroy())
  await migrateToLatest(db)

  const app = await buildApp({
    config,
    db,
    telemetry,
    logger,
    version,
    ...(attemptCounts && { attemptCounts }),
  })
  opened.defer(() => app.close())

  // A check of the whole service must be recorded once: by the first worker, or its replacement.
  if ((slot ?? 1) === 1) {
    const checks = startChecks({ file: config.checksFile, db, telemetry, logger })
    opened.defer(() => checks.stop())
  }

  const url = await app.listen({
    ...listenOn,
    // For `localhost`, its default, the framework would open further sockets beside the given one.
    ...('fd' in listenOn && { host: '' }),
    // The caller logs once, when all of it serves.
    listenTextResolver: () => NO_LINE,
  })
  address.resolve(`${hostname()}:${new URL(url).port}`)
  isServing = true

  return {
    url,
    telemetryDestination: telemetry.destination,
    logger,
    close: () => opened.disposeAsync(),
  }
}

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { buildApp } from './app.ts'
import { startChecks } from './checks/start.ts'
import { type Config, shutdownBudget } from './config.ts'
import { openDatabase } from './db/database.ts'
import { migrateToLatest } from './db/migrate.ts'
import type { AttemptCounts } from './http/attempt-counts.ts'
import { createLogger } from './telemetry/logging.ts'
import { queryTiming } from './telemetry/query-timing.ts'
import { startTelemetry } from './telemetry/start.ts'

export interface ServiceOptions {
  readonly config: Config
  /** A socket of its own, or one that another process has bound. */
  readonly listenOn: { readonly host: string; readonly port: number } | { readonly fd: number }
  /** Which of several workers this process is, from 1; none where it is the only one. */
  readonly slot?: number
  /** Where attempts are counted for the limits; in this process unless told. */
  readonly attemptCounts?: AttemptCounts
}

export interface Service {
  readonly url: string
  /** Where metrics go, for people. */
  readonly telemetryDestination: string
  readonly logger: Logger
  /** Answers whoever was let in, sends the last interval and closes the database; once. */
  close(): Promise<void>
}

/** Whoever has just started it wants to see that it sends, or to read in its log that nobody takes it. */
const FIRST_INTERVAL_MS = 1000

/** One process that serves: starts everything in the order in which it depends on each other, stops it in the reverse one. */
export async function startService({
  config,
  listenOn,
  slot,
  attemptCounts,
}: ServiceOptions): Promise<Service> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

  // With PORT=0 the instance's name is known only once it listens; the SDK waits for it before it exports.
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
      bodyMaxBytes: config.telemetryBodyMaxBytes,
      metricsBodyMaxBytes: config.telemetryMetricsBodyMaxBytes,
      spoolMaxBytes: config.telemetrySpoolMaxBytes,
      setAsideMaxBytes: config.telemetrySetAsideMaxBytes,
      metricsMaxAgeSeconds: config.telemetryMetricsMaxAgeSeconds,
      firstIntervalMs: FIRST_INTERVAL_MS,
    },
  })
  const logger = createLogger({
    level: config.logLevel,
    telemetry,
    ...(slot !== undefined && { fields: { slot } }),
  })

  const db = openDatabase({
    url: config.databaseUrl,
    busyTimeoutMs: config.databaseBusyTimeoutMs,
    observer: queryTiming(telemetry),
  })
  await migrateToLatest(db)
  const app = await buildApp({
    config,
    db,
    telemetry,
    logger,
    version,
    ...(attemptCounts && { attemptCounts }),
  })
  // What a check tells of the whole service must be told once: by the first worker, or whoever takes its place.
  const checks = (slot ?? 1) === 1 && startChecks({ file: config.checksFile, db, telemetry, logger })

  // For `localhost`, its default, the framework would open further sockets beside the one that it is given.
  const url = await app.listen('fd' in listenOn ? { ...listenOn, host: '' } : listenOn)
  address.resolve(`${hostname()}:${new URL(url).port}`)

  return {
    url,
    telemetryDestination: telemetry.destination,
    logger,
    async close() {
      if (checks) checks.stop()
      // Whatever goes wrong on the way: the last interval is sent.
      try {
        await app.close()
        await db.destroy()
      } finally {
        await telemetry.shutdown(shutdownBudget(config).telemetryMs)
      }
    },
  }
}

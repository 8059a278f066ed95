import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.ts'
import { startChecks } from './checks/start.ts'
import { help, readOptions, UsageError } from './cli/command.ts'
import { ConfigError, readConfig, shutdownBudget } from './config.ts'
import { openDatabase } from './db/database.ts'
import { DatabaseError } from './db/database-error.ts'
import { migrateToLatest } from './db/migrate.ts'
import { createLogger } from './telemetry/logging.ts'
import { queryTiming } from './telemetry/query-timing.ts'
import { startTelemetry } from './telemetry/start.ts'

const SERVICE = {
  name: 'npm start',
  summary:
    'The service. It is set by environment variables: README.md lists them, with their defaults and bounds.',
  options: {},
} as const

/** Starts everything in the order in which it depends on each other; stops it in the reverse one. */
async function start(): Promise<void> {
  const config = readConfig(process.env)
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

  // With PORT=0 the instance's name is known only once it listens; the SDK waits for it before it exports.
  const address = Promise.withResolvers<string>()
  const telemetry = startTelemetry({
    env: process.env,
    serviceVersion: version,
    hostName: hostname(),
    supportTag: config.supportTag,
    instanceId: config.instanceId === '' ? address.promise : config.instanceId,
    export: {
      directory: config.telemetryDir,
      waitingMax: config.telemetryWaitingMax,
      bodyMaxBytes: config.telemetryBodyMaxBytes,
      metricsBodyMaxBytes: config.telemetryMetricsBodyMaxBytes,
      spoolMaxBytes: config.telemetrySpoolMaxBytes,
      setAsideMaxBytes: config.telemetrySetAsideMaxBytes,
      metricsMaxAgeSeconds: config.telemetryMetricsMaxAgeSeconds,
    },
  })
  const logger = createLogger({ level: config.logLevel, telemetry })

  const db = openDatabase({
    url: config.databaseUrl,
    busyTimeoutMs: config.databaseBusyTimeoutMs,
    observer: queryTiming(telemetry),
  })
  await migrateToLatest(db)
  const app = await buildApp({ config, db, telemetry, logger, version })
  const checks = startChecks({ file: config.checksFile, db, telemetry, logger })

  const url = await app.listen({ host: config.host, port: config.port })
  address.resolve(`${hostname()}:${new URL(url).port}`)

  closeWithGrace({ delay: config.shutdownGraceMs, logger }, async ({ err }) => {
    if (err) logger.fatal({ err }, 'stopping after an unexpected error')
    process.stderr.write('  Stopping: the last numbers are sent. Ctrl-C once more ends it at once.\n')
    checks.stop()
    // Whatever goes wrong on the way: the last interval is sent.
    try {
      await app.close()
      await db.destroy()
    } finally {
      await telemetry.shutdown(shutdownBudget(config).telemetryMs)
    }
  })

  logger.info({ url }, 'listening')
  process.stderr.write(
    `\n  Rollcall   ${url}\n  API        ${url}/docs\n  Telemetry  ${telemetry.destination}\n\n`,
  )
}

try {
  if (readOptions(SERVICE) === 'help') process.stdout.write(help(SERVICE))
  else await start()
} catch (error) {
  process.stderr.write(`${startFailure(error)}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}

/** One sentence with the mend where we know the cause, the whole error where we do not. */
function startFailure(error: unknown): string {
  if (error instanceof ConfigError || error instanceof DatabaseError || error instanceof UsageError)
    return error.message
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (syscall === 'listen' && code === 'EADDRINUSE')
    return `Port ${port} on ${address} is taken; end what listens there, or set PORT to another one (0 takes a free one).`
  if (syscall === 'listen' && code === 'EACCES')
    return `Port ${port} needs more rights; set PORT to one above 1023.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST ${process.env.HOST} is no address of this machine; set it to one that is, such as 127.0.0.1.`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

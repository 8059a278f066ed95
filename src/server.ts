import { join } from 'node:path'
import { type Receiver, startViewerBeside } from '@rollcall/viewer/beside'
import { type Config, readConfig, SETTINGS } from './config.ts'
import { logServing, type Serving, sayServing, sayStopping } from './process/banner.ts'
import { help, readOptions, UsageError, value } from './process/command.ts'
import { onShutdown } from './process/shutdown.ts'
import { startFailure } from './process/start-failure.ts'
import { startWorkers } from './process/workers/primary.ts'
import { serve } from './service.ts'

const SERVICE = {
  name: 'npm start',
  summary:
    'The service. Environment variables set it: docs/settings.md lists them, with their defaults and bounds.',
  options: {
    workers: value(
      'N',
      SETTINGS.workers.allowed,
      'processes that serve on the port; 0 takes one for each processor (default WORKERS, or 1)',
    ),
  },
} as const

async function startAlone(config: Config): Promise<Serving> {
  const { host, port, shutdownGraceMs } = config
  const { url, telemetryDestination, logger, close } = await serve({
    config,
    listenOn: { host, port },
  })
  const stop = onShutdown({ delay: shutdownGraceMs, logger }, async ({ err }) => {
    if (err) logger.fatal({ err }, 'stopping after an unexpected error')
    sayStopping()
    await close()
  })
  process.on('SIGHUP', stop)
  logServing(logger, { url })
  return { url, telemetryDestination }
}

/**
 * Beside a viewer, all traces are kept and metrics are sent twice as often, unless set otherwise: a person is watching.
 * 5 s are the buckets of its charts of 15 minutes, so that each bucket has one point.
 */
function sendingTo({ url, isViewer }: Receiver, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSampled = env.OTEL_TRACES_SAMPLER || env.OTEL_TRACES_SAMPLER_ARG
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    ...(isViewer && !isSampled && { OTEL_TRACES_SAMPLER_ARG: '1' }),
    ...(isViewer && !env.OTEL_METRIC_EXPORT_INTERVAL && { OTEL_METRIC_EXPORT_INTERVAL: '5000' }),
    ...(isViewer && !env.VIEWER_URL && { VIEWER_URL: new URL(url).origin }),
  }
}

// The terminal may close while it runs: then its lines have no reader, which is no reason to fail.
process.stderr.on('error', () => {})

try {
  const options = readOptions(SERVICE)
  if (options === 'help') process.stdout.write(help(SERVICE))
  else {
    const { workers } = options
    if (workers !== undefined) process.env.WORKERS = String(workers)
    // A wrong setting ends the start before a viewer is started.
    readConfig(process.env)
    const receiver = await startViewerBeside(process.env, {
      dashboards: join(import.meta.dirname, '..', 'datadog', 'dashboards'),
    })
    // Set in the environment, because workers inherit it.
    if (receiver !== undefined) Object.assign(process.env, sendingTo(receiver, process.env))
    const config = readConfig(process.env)
    const serving = await (config.workers === 1 ? startAlone(config) : startWorkers(config))
    if (serving) sayServing({ ...serving, receiver })
  }
} catch (error) {
  process.stderr.write(`${error instanceof UsageError ? error.message : startFailure(error)}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}

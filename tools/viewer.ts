import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { Viewer } from '@rollcall/viewer'
import { readConfig, SETTINGS } from '../src/config.ts'
import { type Command, CommandError, runCommand, type Values, value } from '../src/process/command.ts'

const { viewerHost, viewerPort, viewerMinutes, viewerMemoryMib } = SETTINGS

const OPTIONS = {
  host: value('HOST', viewerHost.allowed, `address or name to listen on (${viewerHost.default})`),
  port: value('N', viewerPort.allowed, `port to listen on (${viewerPort.default}); 0 takes a free one`),
  minutes: value('N', viewerMinutes.allowed, `how long it keeps what it receives (${viewerMinutes.default})`),
  memory: value(
    'MIB',
    viewerMemoryMib.allowed,
    `what it keeps at most (${viewerMemoryMib.default}); the oldest makes room`,
  ),
}

const viewer: Command<typeof OPTIONS> = {
  name: 'npm run viewer',
  summary: [
    'Receives metrics, traces and logs over OTLP/HTTP from any OpenTelemetry SDK and shows them in the browser, with',
    "Datadog's query syntax. Keeps them in memory for a while, and nothing on disk. docs/viewer.md has the rest.",
  ].join('\n'),
  options: OPTIONS,
  run,
}

/**
 * V8 lets its heap double before it collects, since most programs' garbage is worth less than their time. Here the garbage
 * is what arrived: with 6,000 spans a second and 96 MiB of them kept, the process takes 267 MiB with this and 400 without.
 */
setFlagsFromString('--heap-growing-percent=20')
await runCommand(viewer)

async function run(given: Values<typeof OPTIONS>, signal: AbortSignal): Promise<void> {
  const config = readConfig(process.env)
  const host = given.host ?? config.viewerHost
  const port = given.port ?? config.viewerPort
  const started = await Viewer.start({
    host,
    port,
    minutes: given.minutes ?? config.viewerMinutes,
    memoryMib: given.memory ?? config.viewerMemoryMib,
  }).catch((error: NodeJS.ErrnoException) => {
    throw failure(error, host, port)
  })
  process.stdout.write(`${started.url}\n`)
  // A service that started it beside itself waits for this, and its end is the viewer's.
  process.send?.(started.url)
  if (!signal.aborted) await Promise.race([once(signal, 'abort'), once(process, 'disconnect')])
  await started.close()
  // The channel to that service would keep the process.
  if (process.connected) process.disconnect?.()
}

function failure(error: NodeJS.ErrnoException, host: string, port: number): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new CommandError(
        `Port ${port} on ${host} is taken; end what listens there, or give --port (or VIEWER_PORT) another one (0 takes a free one).`,
      )
    case 'EACCES':
      return new CommandError(`Port ${port} needs more rights; give --port (or VIEWER_PORT) one above 1023.`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new CommandError(
        `${host} is no address of this machine; give --host (or VIEWER_HOST) one that is, such as 127.0.0.1.`,
      )
    default:
      return error
  }
}

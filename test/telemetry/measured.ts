import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { routeTelemetry } from '@rollcall/fastify-route-telemetry'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Test } from 'tap'
import { createLogger } from '../../src/telemetry/logging.ts'
import { PAGES } from '../../src/telemetry/pages.ts'
import { startTelemetry, type TelemetryOptions } from '../../src/telemetry/start.ts'
import { OtlpReceiver, type ReceiverOptions } from '../support/otlp-receiver.ts'

/** Telemetry that sends to a receiver of this test's own; all traces are kept and nothing leaves before the end. */
export async function openTelemetry(
  t: Test,
  env: NodeJS.ProcessEnv = {},
  { foreign, ...identity }: Partial<TelemetryOptions> & Pick<ReceiverOptions, 'foreign'> = {},
) {
  const receiver = await OtlpReceiver.start(t, { ...(foreign && { foreign }) })
  const telemetry = startTelemetry({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRIC_EXPORT_INTERVAL: '3600000',
      OTEL_BSP_SCHEDULE_DELAY: '3600000',
      OTEL_BLRP_SCHEDULE_DELAY: '3600000',
      OTEL_TRACES_SAMPLER: 'always_on',
      ...env,
    },
    serviceVersion: '1.2.3',
    hostName: 'somewhere',
    supportTag: 'rollcall',
    instanceId: 'somewhere:3000',
    ...identity,
  })
  t.teardown(() => telemetry.shutdown())
  return { receiver, telemetry }
}

export interface MeasuredOptions {
  env?: NodeJS.ProcessEnv
  slowRequestMs?: number
  logLevel?: string
  fastify?: object
  /** Signals of which it emits what no service of ours does. */
  foreign?: ReceiverOptions['foreign']
}

/** A Fastify application with the plugin first; `routes` adds what the test asks for. */
export async function openMeasured(
  t: Test,
  routes: (app: FastifyInstance) => void | Promise<void>,
  { env, slowRequestMs, logLevel = 'info', fastify = {}, foreign = [] }: MeasuredOptions = {},
) {
  const { receiver, telemetry } = await openTelemetry(t, env, { foreign })
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({
    level: logLevel,
    telemetry,
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  })
  const app: FastifyInstance = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    ...fastify,
  }) as unknown as FastifyInstance
  await app.register(routeTelemetry, {
    ...telemetry,
    pages: PAGES,
    ...(slowRequestMs !== undefined && { slowRequestMs }),
  })
  await routes(app)
  t.teardown(() => app.close())

  /** Ends telemetry, so that everything has arrived. */
  async function received(): Promise<OtlpReceiver> {
    await telemetry.shutdown()
    return receiver
  }
  return { app, telemetry, lines, received }
}

export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

/** Writes text to a fresh connection; what comes back arrives when either side closes it. */
export function exchange(port: number, text: string, leave?: (reply: string) => 'end' | 'reset' | undefined) {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  let reply = ''
  const look = () => {
    const how = leave?.(reply)
    if (how === 'end') socket.destroy()
    if (how === 'reset') socket.resetAndDestroy()
  }
  socket.setEncoding('utf8').on('data', (chunk) => {
    reply += chunk
    look()
  })
  socket.on('error', () => {})
  socket.on('close', () => resolve(reply))
  return {
    done: promise,
    write: (more: string) => socket.write(more),
    leave: (how: 'end' | 'reset') => (how === 'end' ? socket.destroy() : socket.resetAndDestroy()),
  }
}

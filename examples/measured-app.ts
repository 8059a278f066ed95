import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import Fastify from 'fastify'
import { routeTelemetry } from '../src/telemetry/route-telemetry.ts'
import { SdkInstruments } from '../src/telemetry/sdk-instruments.ts'

/** Any Fastify application, measured by route with the providers it already has. */
export async function measuredApp(meters: MeterProvider, tracers: TracerProvider) {
  const app = Fastify()
  await app.register(routeTelemetry, {
    instruments: new SdkInstruments(meters.getMeter('example')),
    tracer: tracers.getTracer('example'),
    pages: ['greeting', 'farewell'],
  })
  app.get(
    '/hello/:name',
    { config: { page: 'greeting' } },
    async (request) => `Hello, ${(request.params as { name: string }).name}!`,
  )
  app.get('/goodbye', { config: { page: 'farewell' } }, async () => 'Goodbye!')
  app.get('/healthz', { config: { page: false } }, async () => 'ok')
  return app
}

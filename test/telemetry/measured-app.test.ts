import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import t from 'tap'
import { measuredApp } from '../../examples/measured-app.ts'

t.test('the example measures an application with the providers it already has', async (t) => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA)
  const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  const spans = new InMemorySpanExporter()
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] })
  const app = await measuredApp(meters, tracers)
  t.teardown(async () => {
    await app.close()
    await meters.shutdown()
  })
  for (const url of ['/hello/ann', '/hello/bob', '/goodbye', '/healthz', '/nowhere']) await app.inject(url)
  await meters.forceFlush()

  const metrics = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  const points = (name: string) =>
    metrics
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints.map(({ attributes, value }) => ({ attributes, value })))
  t.same(points('web.page_views'), [
    { attributes: { page: 'greeting' }, value: 2 },
    { attributes: { page: 'farewell' }, value: 1 },
  ])
  t.same(points('web.page_views_total'), [{ attributes: {}, value: 3 }])
  t.match(
    points('http.server.request.duration').map(({ attributes, value }) => [
      attributes['http.route'],
      attributes.page,
      (value as { count: number }).count,
    ]),
    [
      ['/hello/:name', 'greeting', 2],
      ['/goodbye', 'farewell', 1],
      ['/healthz', 'none', 1],
      [undefined, 'none', 1],
    ],
  )
  t.same(
    spans.getFinishedSpans().map(({ name }) => name),
    ['GET /hello/:name', 'GET /hello/:name', 'GET /goodbye', 'GET /healthz', 'GET'],
  )
})

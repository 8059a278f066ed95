// The SDK's own instruments by hand: the same records as Rollcall's of a request and its query, with the same
// attributes, each as one call of the API.
'use strict'
const { metrics } = require('@opentelemetry/api')
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-proto')
const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics')
const { rawRoutes } = require('./pages.js')
const { serve } = require('./serve.js')

const exporter = new OTLPMetricExporter()
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 10_000 })
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
const meter = metrics.getMeter('bench')
const views = meter.createCounter('web.page_views')
const total = meter.createCounter('web.page_views_total')
const durations = meter.createHistogram('http.server.request.duration', { unit: 's' })
const queries = meter.createHistogram('database.query.time', { unit: 's' })
const operations = meter.createHistogram('db.client.operation.duration', { unit: 's' })

serve(async (app) => {
  app.addHook('onRequest', function countView(request, _reply, done) {
    views.add(1, { page: request.routeOptions.url })
    total.add(1)
    done()
  })
  app.addHook('onResponse', function timeRequest(request, reply, done) {
    const seconds = reply.elapsedTime / 1000
    const route = request.routeOptions.url
    durations.record(seconds, {
      'http.request.method': request.method,
      'http.route': route,
      'http.response.status_code': reply.statusCode,
      'url.scheme': 'http',
      page: route,
    })
    if (route !== '/trivial') {
      queries.record(seconds, { page: route })
      operations.record(seconds, { 'db.system.name': 'sqlite', 'db.operation.name': 'SELECT', page: route })
    }
    done()
  })
  rawRoutes(app)
})

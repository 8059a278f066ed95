// fastify-metrics: a histogram and a summary of prom-client for each route. Nothing is scraped during a slice.
'use strict'
const fastifyMetrics = require('fastify-metrics').default
const { rawRoutes } = require('./pages.js')
const { serve } = require('./serve.js')

serve(rawRoutes, {
  plugin: fastifyMetrics.default ?? fastifyMetrics,
  options: { endpoint: '/metrics', defaultMetrics: { enabled: true } },
})

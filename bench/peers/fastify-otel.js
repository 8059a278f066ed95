// @fastify/otel, the official instrumentation, under the SDK for Node with its own defaults; `--with-http` adds
// instrumentation-http, as its README shows. OTEL_* variables set the sampling and the destination.
'use strict'
const { FastifyOtelInstrumentation } = require('@fastify/otel')
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const { NodeSDK } = require('@opentelemetry/sdk-node')

const fastifyOtel = new FastifyOtelInstrumentation()
const sdk = new NodeSDK({
  instrumentations: [
    ...(process.argv.includes('--with-http') ? [new HttpInstrumentation()] : []),
    fastifyOtel,
  ],
})
sdk.start()

const { rawRoutes } = require('./pages.js')
const { serve } = require('./serve.js')

serve(rawRoutes, { plugin: fastifyOtel.plugin() })

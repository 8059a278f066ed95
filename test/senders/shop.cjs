// An ordinary Express application that knows nothing of OpenTelemetry but the API for one metric of its own. It is
// started as the documentation of auto-instrumentation says:
//
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 node --require @opentelemetry/auto-instrumentations-node/register shop.cjs
'use strict'
const { metrics } = require('@opentelemetry/api')
const express = require('express')
const logger = require('pino')()

const looks = metrics.getMeter('shop').createCounter('Shop.Looks', { description: 'Looks at a shelf' })

const app = express()

app.get('/shelves/:shelf', (request, response) => {
  looks.add(1, { Shelf: request.params.shelf })
  response.json({ shelf: request.params.shelf })
})

app.get('/broken', () => {
  throw new Error('the till is empty')
})

app.use((error, _request, response, _next) => {
  logger.error(error, 'a request failed')
  response.status(500).json({ error: error.message })
})

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}\n`)
})
process.once('SIGTERM', () => server.close())

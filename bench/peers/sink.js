// Accepts telemetry from OTLP exporters and from dd-trace, and answers as its receiver would.
'use strict'
const { createServer } = require('node:http')

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const isDatadog = /^\/(v\d\.\d|info|telemetry|evp_proxy)/.test(request.url)
    response.setHeader('content-type', isDatadog ? 'application/json' : 'application/x-protobuf')
    response.end(isDatadog ? '{}' : '')
  })
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => process.exit())

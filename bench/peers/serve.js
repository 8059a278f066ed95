// Frame of every peer: listens on a free port, reports it to its parent process, and ends with that process.
'use strict'
const Fastify = require('fastify')

module.exports = { serve }

async function serve(routes, plugin) {
  const app = Fastify({ logger: false })
  if (plugin) await app.register(plugin.plugin, plugin.options)
  await routes(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  process.send?.({ port: app.server.address().port })
}

process.on('disconnect', () => process.exit())

// Sends an exact number of requests over 32 connections and tells when all are answered. A process of its own, so that
// the time of a server's processor holds nothing of it; kept, so that its own code is warm.
'use strict'
const autocannon = require('autocannon')

process.on('disconnect', () => process.exit())
process.on('message', async ({ url, headers, amount, connections = 32 }) => {
  const result = await autocannon({ url, headers, amount, connections })
  const { duration, non2xx, errors, timeouts, latency } = result
  process.send({ seconds: duration, ok: result['2xx'], failed: non2xx + errors + timeouts, latency })
})

// Sends an exact number of requests over 32 connections, the next on each as soon as it has an answer, and reports the
// time until all were answered. A process of its own, so that a server's processor time excludes it; kept running, so
// that its own code is warm. Connects again to a server that closes after each answer.
'use strict'
const { Client } = require('undici')

const CONNECTIONS = 32

process.on('disconnect', () => process.exit())
process.on('message', async (order) => process.send(await send(order)))

async function send({ url, headers, amount }) {
  const { origin, pathname, search } = new URL(url)
  const request = { method: 'GET', path: pathname + search, headers }
  const clients = Array.from({ length: Math.min(CONNECTIONS, amount) }, () => new Client(origin))
  const { promise: allAnswered, resolve } = Promise.withResolvers()
  let [sent, ok, failed] = [0, 0, 0]
  const startedAt = performance.now()
  for (const client of clients) {
    const next = () => {
      if (sent < amount) {
        sent++
        client.dispatch(request, handler)
      } else if (ok + failed === amount) resolve()
    }
    const handler = {
      // `dispatch` refuses a handler without it.
      onRequestStart() {},
      onResponseStart(_controller, status) {
        this.isOk = status >= 200 && status < 300
      },
      onResponseData() {},
      onResponseEnd() {
        if (this.isOk) ok++
        else failed++
        next()
      },
      onResponseError() {
        failed++
        next()
      },
    }
    next()
  }
  await allAnswered
  const seconds = (performance.now() - startedAt) / 1000
  await Promise.all(clients.map((client) => client.destroy()))
  return { seconds, ok, failed }
}

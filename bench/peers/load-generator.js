// Sends an exact number of requests over 32 connections, each with its next one as soon as it has an answer, and tells
// how long it took until all were answered. A process of its own, so that the time of a server's processor holds nothing
// of it; kept, so that its own code is warm. A server that closes after each answer is connected to again.
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

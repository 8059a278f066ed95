import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { selfSignedCertificate } from '../support/self-signed-certificate.ts'
import { openExporting, until } from './exporting.ts'

test('a receiver with a certificate of its own is trusted, and told who we are, as the variables say', async (t) => {
  const { key, certificate } = selfSignedCertificate()
  const folder = temporaryFolder(t)
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const clients: boolean[] = []
  const options = {
    key,
    cert: certificate,
    ca: certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  const server = createServer(options, (request, response) => {
    clients.push((request.socket as TLSSocket).authorized)
    request.resume().on('end', () => response.end('{}'))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const once = { OTEL_METRIC_EXPORT_INTERVAL: '3600000' }
  const ca = file('ca.pem', certificate)

  const strict = await openExporting(t, { url, env: once })
  const ended = strict.telemetry.shutdown(1000)
  await until(() => strict.diagnostics.length > 0)
  t.match(strict.diagnostics[0], { message: 'export of metrics fails', details: { error: /certificate/ } })
  await ended

  const trusting = await openExporting(t, { url, env: { ...once, OTEL_EXPORTER_OTLP_CERTIFICATE: ca } })
  await trusting.telemetry.shutdown()
  const known = await openExporting(t, {
    url,
    env: {
      ...once,
      OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, 'not there.pem'),
      OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: ca,
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file('client.pem', certificate),
      OTEL_EXPORTER_OTLP_CLIENT_KEY: file('key.pem', key),
    },
  })
  await known.telemetry.shutdown()
  t.same(clients, [false, true])
  t.same([...trusting.said(), ...known.said()], [])

  const misled = await openExporting(t, {
    env: { ...once, OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, 'none.pem') },
  })
  await misled.telemetry.shutdown()
  t.same(misled.said(), [
    'OTEL_EXPORTER_OTLP_CERTIFICATE must be a file that can be read; using none instead.',
  ])
})

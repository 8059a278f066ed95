import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type MetricDefinition, REQUEST_METRICS } from '@rollcall/fastify-route-telemetry'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { type Place, tryReceiver, tryRouteTelemetry, tryViewer } from './readme-examples.ts'

test("the examples of the packages' READMEs work as they stand there", async (t) => {
  const folder = temporaryFolder(t)
  symlinkSync(join(import.meta.dirname, '..', '..', 'node_modules'), join(folder, 'node_modules'), 'junction')
  const place: Place = { folder, node: process.execPath }
  await t.test('@rollcall/otlp', (t) => tryReceiver(t, place))
  await t.test('@rollcall/viewer', (t) => tryViewer(t, place))
  await t.test('@rollcall/fastify-route-telemetry', (t) => tryRouteTelemetry(t, place))
})

test('the README of the plugin has every metric that it records', (t) => {
  const readme = readFileSync(
    join(import.meta.dirname, '..', '..', 'packages', 'fastify-route-telemetry', 'README.md'),
    'utf8',
  )
  const rows = Object.values<MetricDefinition>(REQUEST_METRICS).map(({ name, kind, unit, attributes }) => {
    const cells = [`\`${name}\``, kind, `\`${unit}\``, names(attributes)]
    return cells.join(' | ').trim()
  })
  t.strictSame(
    [...readme.matchAll(/^\| (`[\w.]+` \| (?:counter|histogram|up-down counter|gauge) .*?) ?\|$/gm)].map(
      ([, row]) => row?.trim(),
    ),
    rows,
  )
  t.end()
})

function names(attributes: object): string {
  return Object.keys(attributes)
    .map((name) => `\`${name}\``)
    .join(', ')
}

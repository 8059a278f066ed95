import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { findProgram, ROOT } from './real-collector.ts'

const { program, options } = await findProgram()

const MAIN = 'otel-collector.yaml'

/** An overlay says so in its first line, and is checked over the main configuration. */
function shippedConfigurations(): string[][] {
  const variants = readdirSync(join(ROOT, 'collector'))
    .filter((name) => name.endsWith('.yaml') && name !== 'manifest.yaml')
    .map((name) => `collector/${name}`)
  const isOverlay = (file: string) =>
    /^# Laid over otel-collector\.yaml/.test(readFileSync(join(ROOT, file), 'utf8'))
  const overlays = variants.filter(isOverlay)
  return [
    [MAIN],
    ...variants.map((file) => (isOverlay(file) ? [MAIN, file] : [file])),
    [MAIN, ...overlays],
    [MAIN, ...overlays.toReversed()],
  ]
}

async function validate(files: readonly string[], env: Record<string, string>): Promise<string> {
  const args = ['validate', ...files.flatMap((file) => ['--config', file])]
  try {
    await promisify(execFile)(program, args, { cwd: ROOT, env })
    return 'valid'
  } catch (error) {
    return (error as { stderr: string }).stderr
  }
}

test('the Collector accepts every configuration that we ship', options, async (t) => {
  const variables = {
    DD_API_KEY: 'key',
    DD_SITE: 'datadoghq.eu',
    OTLP_LISTEN: '0.0.0.0:14318',
    COLLECTOR_HEALTH: '0.0.0.0:23133',
    COLLECTOR_QUEUE_DIR: '/var/lib/rollcall',
    DD_HOSTNAME: 'a-host',
    DD_METRICS_ENDPOINT: 'https://metrics.example.org',
    DD_TRACES_ENDPOINT: 'https://traces.example.org',
    DD_LOGS_ENDPOINT: 'https://logs.example.org',
    ROLLCALL_URL: 'https://rollcall.example.org',
    HOST_INTERVAL: '1m',
    SUPPORT_TAG: 'a-team',
    HOST_RECEIVERS: '[host_metrics, http_check, docker_stats]',
    DOCKER_HOST: 'tcp://127.0.0.1:2375',
  }
  const configurations = shippedConfigurations()
  t.equal(configurations.length, 5, 'the main one, two overlays, and both in either order')
  const unset = configurations
    .flat()
    .flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/\$\{env:(\w+)/g)]
        .map(([, name]) => name as string)
        .filter((name) => !(name in variables)),
    )
  t.strictSame(
    [...new Set(unset)],
    ['DD_OTLP_ENDPOINT'],
    'every variable is set, but for what DD_SITE decides',
  )
  for (const files of configurations) {
    t.equal(await validate(files, { DD_API_KEY: 'key' }), 'valid', `${files.join(' + ')} with its defaults`)
    t.equal(await validate(files, variables), 'valid', `${files.join(' + ')} with every variable set`)
  }
})

test('the default endpoint is that of the site', options, async (t) => {
  const endpoints = async (env: Record<string, string>) => {
    const args = ['print-config', '--mode', 'unredacted', '--config', MAIN]
    const { stdout } = await promisify(execFile)(program, args, {
      cwd: ROOT,
      env: { DD_API_KEY: 'key', ...env },
    })
    return [...stdout.matchAll(/^ {4,}(?:metrics_)?endpoint: (http\S+)$/gm)].map(([, url]) => url)
  }
  t.strictSame(await endpoints({}), [
    'https://otlp.datadoghq.com',
    'https://otlp.datadoghq.com/api/v2/otlpmetrics',
  ])
  t.strictSame(await endpoints({ DD_SITE: 'datadoghq.eu' }), [
    'https://otlp.datadoghq.eu',
    'https://otlp.datadoghq.eu/api/v2/otlpmetrics',
  ])
})

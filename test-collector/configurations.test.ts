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
  return [[MAIN], ...variants.map((file) => (isOverlay(file) ? [MAIN, file] : [file]))]
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
  const settings = {
    DD_API_KEY: 'key',
    DD_SITE: 'datadoghq.eu',
    OTLP_LISTEN: '0.0.0.0:14318',
    COLLECTOR_HEALTH: '0.0.0.0:23133',
    COLLECTOR_QUEUE_DIR: '/var/lib/rollcall',
  }
  for (const files of shippedConfigurations()) {
    t.equal(await validate(files, { DD_API_KEY: 'key' }), 'valid', `${files.join(' + ')} with its defaults`)
    t.equal(await validate(files, settings), 'valid', `${files.join(' + ')} with every variable set`)
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

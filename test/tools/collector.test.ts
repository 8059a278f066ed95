import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { type Test, test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { startCommand } from './run-command.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** What the compiler writes in these tests: a program that lasts until it is told to stop. */
const PROGRAM = `#!/bin/sh
if [ "$1" = validate ]; then echo "checked $*\${HOST_RECEIVERS:+ with $HOST_RECEIVERS}"; exit 0; fi
trap 'echo stopping; sleep 0.2; echo stopped; exit 7' TERM
trap 'echo reread' HUP
echo "running $*"
while :; do sleep 0.02; done
`

/** A Go for which a build is the writing of PROGRAM. */
const GO = `#!/bin/sh
case "$1" in
  env) echo "\${GO_SAYS:-go1.26.0}" ;;
  list) echo module/one; echo module/two ;;
  build)
    echo module/one >&2
    if [ -n "$GO_FAILS" ]; then echo '# module/two' >&2; echo 'two.go:1: no such thing' >&2; exit 1; fi
    while [ "$1" != -o ]; do shift; done
    cp "$(dirname "$0")/program" "$2"
    echo module/two >&2 ;;
esac
`

/** The command in a copy of the project, where nothing was built yet; its Go is the one above. */
function copyOfProject(t: Test) {
  const root = temporaryFolder(t)
  for (const part of ['src', 'tools', 'collector', 'otel-collector.yaml', 'package.json'])
    cpSync(join(ROOT, part), join(root, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const bin = join(root, 'bin')
  mkdirSync(bin)
  for (const [name, text] of Object.entries({ go: GO, program: PROGRAM })) {
    writeFileSync(join(bin, name), text)
    chmodSync(join(bin, name), 0o755)
  }
  const PATH = [bin, '/usr/bin', '/bin'].join(delimiter)
  return {
    root,
    start: (args: string[], env: Record<string, string> = {}) =>
      startCommand('collector', args, { PATH, DD_API_KEY: '', ...env }, root),
    built: () => readdirSync(join(root, 'data', 'collector')),
  }
}

async function said(command: ReturnType<typeof startCommand>, text: string): Promise<void> {
  while (!command.output.stdout.includes(text)) {
    if (command.child.exitCode !== null) throw new Error(`it ended: ${command.output.stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('the program is built once, and again when its sources change', async (t) => {
  const project = copyOfProject(t)
  const first = await project.start(['--build']).ended
  t.equal(first.code, 0, first.stderr)
  t.match(
    first.stderr,
    /^Building the Collector .*\ncompiling packages: 2 of 2, .*\nBuilt in \d+ s: .*, 0 MB\.\n$/,
  )
  const [program] = project.built()
  t.match(program, /^otelcol-[0-9a-f]{12}$/)
  t.equal(first.stdout, `${join(project.root, 'data', 'collector', program as string)}\n`)

  t.equal((await project.start(['--build']).ended).stderr, '', 'nothing to do')

  writeFileSync(join(project.root, 'collector', 'more.go'), 'package main\n')
  t.match((await project.start(['--build']).ended).stderr, /^Building/)
  t.equal(project.built().length, 1, 'the one that fits no more is gone')
  t.not(project.built()[0], program)
})

test('without a fitting Go one sentence names the official distribution', async (t) => {
  const project = copyOfProject(t)
  const mend =
    'install it from https://go.dev/dl, or run otel-collector.yaml with the official distribution instead, otelcol-contrib v0.155.0.\n'
  for (const [found, env] of [
    ['none', { PATH: join(project.root, 'src') }],
    ['go1.19.8', { GO_SAYS: 'go1.19.8' }],
  ] as const)
    t.same(await project.start(['--build'], env).ended, {
      code: 1,
      signal: null,
      stdout: '',
      stderr: `Building the Collector needs Go 1.25 or newer and found ${found}: ${mend}`,
    })
})

test('a failed build says why in the words of Go, leaves nothing behind and ends with 1', async (t) => {
  const project = copyOfProject(t)
  const { code, stderr } = await project.start(['--validate'], { GO_FAILS: 'yes' }).ended
  t.equal(code, 1)
  t.match(stderr, /\ntwo\.go:1: no such thing\nGo could not build the Collector, .*\n$/)
  t.same(project.built(), [])
})

test('without a key it does not start, before anything is built, but checks the file', async (t) => {
  const project = copyOfProject(t)
  t.same(await project.start([]).ended, {
    code: 1,
    signal: null,
    stdout: '',
    stderr:
      'otel-collector.yaml sends to Datadog and DD_API_KEY is not set; set it to an API key of your organisation.\n',
  })
  t.match(await project.start(['--config', 'none.yaml']).ended, {
    code: 1,
    stderr: 'The file none.yaml cannot be read (ENOENT); give --config another one.\n',
  })
  t.match(await project.start(['--build', '--validate']).ended, { code: 2, stderr: /exclude each other/ })
  writeFileSync(join(project.root, 'over.yaml'), '')
  t.match(
    await project.start(['--validate', '--config', 'otel-collector.yaml', '--config', 'over.yaml']).ended,
    {
      code: 0,
      stdout:
        'checked validate --config otel-collector.yaml --config over.yaml\nThe Collector accepts otel-collector.yaml with over.yaml.\n',
    },
  )
})

test('an overlay brings along what it is laid over, and gates are handed on', async (t) => {
  const project = copyOfProject(t)
  const checked = async (...args: string[]) => {
    const env = { HOST_RECEIVERS: '[host_metrics]' }
    const { stdout, stderr } = await project.start(['--validate', ...args], env).ended
    return stdout.split('\n')[0] || stderr
  }
  const exporter = 'collector/datadog-exporter.yaml'
  t.equal(
    await checked('--config', exporter),
    `checked validate --config otel-collector.yaml --config ${exporter} with [host_metrics]`,
  )
  t.equal(
    await checked('--config', exporter, '--config', 'collector/host.yaml', '--feature-gates=-a.gate'),
    `checked validate --config otel-collector.yaml --config ${exporter} --config collector/host.yaml --feature-gates=-a.gate with [host_metrics]`,
    'once',
  )
  t.equal(
    await project.start(['--config', exporter]).ended.then(({ stderr }) => stderr),
    'otel-collector.yaml sends to Datadog and DD_API_KEY is not set; set it to an API key of your organisation.\n',
  )
})

test('containers are measured when a Docker daemon answers, and otherwise it says that they are not', async (t) => {
  const project = copyOfProject(t)
  const docker = createServer((request, response) => response.end(request.url === '/_ping' ? 'OK' : ''))
  const silent = createServer(() => {})
  const broken = createServer((_, response) => response.writeHead(500).end())
  const socket = join(project.root, 'docker.sock')
  await new Promise<void>((resolve) => docker.listen(socket, resolve))
  const ports = await Promise.all(
    [silent, broken].map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return (server.address() as AddressInfo).port
    }),
  )
  t.teardown(() => {
    for (const server of [docker, silent, broken]) {
      server.closeAllConnections()
      server.close()
    }
  })
  await project.start(['--build']).ended
  const start = (DOCKER_HOST: string) =>
    project.start(['--validate', '--config', 'collector/host.yaml'], { DOCKER_HOST }).ended
  const found = await start(`unix://${socket}`)
  t.match(found, { code: 0, stderr: '' })
  t.match(found.stdout, /with \[host_metrics, http_check, docker_stats\]\n/)
  for (const endpoint of [
    `unix://${project.root}/none.sock`,
    ...ports.map((port) => `tcp://127.0.0.1:${port}`),
    'ssh://somewhere',
  ]) {
    const { code, stdout, stderr } = await start(endpoint)
    t.equal(code, 0)
    t.equal(stderr, `No Docker daemon answers at ${endpoint}: containers are not measured.\n`)
    t.notMatch(stdout, 'docker_stats')
  }
})

test('signals reach the program, and it ends as the program ends', async (t) => {
  const project = copyOfProject(t)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const command = project.start([], { DD_API_KEY: 'key' })
    await said(command, 'running --config otel-collector.yaml')
    command.child.kill('SIGHUP')
    await said(command, 'reread')
    command.child.kill(signal)
    await said(command, 'stopping')
    // Passed on by npm, which got it from the terminal too.
    command.child.kill(signal)
    const { code, stdout } = await command.ended
    t.equal(code, 7, `its own code, not that of ${signal}`)
    t.match(stdout, /stopped\n$/)
  }
})

test('the program has what its manifest names', async (t) => {
  const read = (name: string) => readFileSync(join(ROOT, 'collector', name), 'utf8')
  const named = [...read('manifest.yaml').matchAll(/- gomod: (.+)/g)].map(([, module]) => module as string)
  const built = [...`${read('components.go')}${read('main.go')}`.matchAll(/"(\S+\/\S+ v[\d.]+)"/g)]
  t.strictSame(built.map(([, module]) => module).sort(), named.sort())
  const required = read('go.mod')
  t.strictSame(
    named.filter((module) => !required.includes(`\t${module}\n`)),
    [],
    'in the same versions',
  )
})

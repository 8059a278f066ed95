import { once } from 'node:events'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { CommandError, flag, runCommand } from '../src/process/command.ts'
import { noBrowser, openBrowser, openPage } from '../test/browser/browser.ts'
import { Person } from '../test/browser/person.ts'
import { temporaryFolder } from '../test/support/harness.ts'
import { startService } from '../test/support/service.ts'
import { startCommand } from '../test/tools/run-command.ts'
import { openViewer } from '../test/viewer/viewer-client.ts'
import { DEMO_EMAIL } from '../tools/seeding/seeded-users.ts'

const ROOT = join(import.meta.dirname, '..')
const PICTURES = join(ROOT, 'docs', 'pictures')
const SIZE = { width: 1280, height: 800 }
const CURVE_SIZE = { width: 880, height: 700 }
const MOST_BYTES = 300_000
/** Members, and requests a second, chosen for a chart worth looking at. */
const PHASES = [
  [115, 20],
  [250, 35],
  [500, 25],
  [2000, 40],
  [5000, 30],
] as const
const PHASE_SECONDS = 54
/** Decades, so that the curve is log-log. */
const EXPERIMENT_ROWS = '100,1000,10000'
const SCHEMES = ['light', 'dark'] as const
/** Of the pages for people; two stand side by side in the README. */
const PEOPLE_SIZE = { width: 760, height: 620 }

const ends: (() => unknown)[] = []
const scene = { teardown: (end: () => unknown) => ends.unshift(end) }

await runCommand({
  name: 'npm run pictures',
  summary: [
    'Makes docs/pictures/*.png from the running product: starts the viewer and the service, lets visitors come while the',
    'table grows, runs the experiment, and photographs the pages and the curve in Chromium, in both schemes. Takes about',
    'seven minutes.',
  ].join('\n'),
  options: { people: flag('only the pages for people; takes half a minute') },
  async run({ people }, signal) {
    if (noBrowser) throw new CommandError(`No pictures: ${noBrowser}.`)
    mkdirSync(PICTURES, { recursive: true })
    const make = async () => {
      if (!people) await makePictures()
      await makePicturesOfPeople()
    }
    try {
      await Promise.race([make(), once(signal, 'abort')])
    } finally {
      for (const end of ends) await end()
    }
  },
})

async function makePictures(): Promise<void> {
  const viewer = await openViewer(scene)
  const DATABASE_URL = `sqlite:${join(temporaryFolder(scene), 'rollcall.db')}`
  const password = 'correct horse battery staple'
  await run('seed', ['--users', '115', '--friends', '4', '--password', password], { DATABASE_URL })
  const service = await startService(scene, {
    env: {
      DATABASE_URL,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: viewer.url,
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
      OTEL_TRACES_SAMPLER_ARG: '1',
      SLOW_REQUEST_MS: '50',
    },
  })
  for (const [members, rate] of PHASES) {
    process.stderr.write(`${members} members, ${rate} requests a second for ${PHASE_SECONDS} s\n`)
    await run('seed', ['--users', String(members), '--friends', '4', '--password', password], {
      DATABASE_URL,
    })
    const visit = ['--url', service.url, '--rate', String(rate), '--duration', String(PHASE_SECONDS)]
    await run('load', [...visit, '--password', password])
  }

  const browser = await openBrowser(scene)
  const query = encodeURIComponent('p95:http.server.request.duration{*} by {http.route}')
  const pages = {
    dashboard: ['/?dashboard=10-page-views&span=5m', '.widget.toplist[data-state=drawn]'],
    explorer: [`/explorer?q=${query}&scale=log&span=5m`, '.widget[data-state=drawn]'],
    trace: [`/traces?trace=${await longestTrace(viewer.url)}`, '.span'],
  } as const
  for (const [name, [path, ready]] of Object.entries(pages))
    for (const scheme of SCHEMES) {
      const { page, faults } = await openPage(browser, viewer.url, path, { ...SIZE, scheme })
      await page.locator(ready).first().waitFor()
      await page
        .locator('.widget:not(.note):not([data-state])')
        .first()
        .waitFor({ state: 'detached' })
        .catch(() => {})
      await page.waitForTimeout(500)
      await keep(page, `${name}-${scheme}.png`)
      await page.context().close()
      if (faults.length > 0) throw new CommandError(`${path} is at fault: ${faults.join('; ')}`)
    }

  service.kill('SIGTERM')
  await service.exited
  process.stderr.write(`An experiment with ${EXPERIMENT_ROWS} members\n`)
  const out = temporaryFolder(scene)
  await run('experiment', ['--rows', EXPERIMENT_ROWS, '--out', out])
  const curve = readFileSync(join(out, 'curve.svg'), 'utf8')
  for (const colorScheme of SCHEMES) {
    const page = await browser.newPage({ colorScheme, deviceScaleFactor: 2, viewport: CURVE_SIZE })
    await page.setContent(`<body style="margin: 0">${curve}`)
    await keep(page.locator('svg'), `curve-${colorScheme}.png`)
    await page.close()
  }
}

/** What the demo account sees in a seeded community. */
async function makePicturesOfPeople(): Promise<void> {
  const DATABASE_URL = `sqlite:${join(temporaryFolder(scene), 'rollcall.db')}`
  const password = 'correct horse battery staple'
  const amounts = { users: 250, friends: 4, polls: 6, votes: 900, feeds: 3 }
  const options = Object.entries({ ...amounts, password }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  await run('seed', options, { DATABASE_URL })
  const service = await startService(scene, { env: { DATABASE_URL } })
  const browser = await openBrowser(scene)
  for (const scheme of SCHEMES) {
    const demo = await Person.arrive(browser, service.url, { ...PEOPLE_SIZE, scheme })
    await demo.go('/app/log-in')
    await demo.send('Log in', { 'E-mail address': DEMO_EMAIL, Password: password })
    await demo.turnTo('Community')
    await keep(demo.page, `community-${scheme}.png`)

    await demo.turnTo('Polls')
    const [poll] = await demo.page.getByRole('main').getByRole('listitem').getByRole('link').all()
    await demo.follow(await poll!.innerText())
    await demo.page.getByRole('radio').first().check()
    await demo.press(scheme === 'light' ? 'Vote' : 'Change my vote')
    await keep(demo.page, `results-${scheme}.png`)

    await demo.turnTo('Toolkit')
    await demo.follow('News')
    await keep(demo.page, `news-${scheme}.png`)
    await demo.turnTo('Toolkit')
    await demo.follow('Your place')
    await demo.send('Save', { Latitude: '47.3769', Longitude: '8.5417' })
    await keep(demo.page, `place-${scheme}.png`)
  }
}

async function keep(what: Page | Locator, name: string): Promise<void> {
  const file = join(PICTURES, name)
  await what.screenshot({ path: file })
  const { size } = statSync(file)
  process.stdout.write(`${relative(ROOT, file)}  ${size} bytes\n`)
  if (size > MOST_BYTES) throw new CommandError(`${file} has ${size} bytes, and ${MOST_BYTES} are the most.`)
}

/** The trace with the most spans, among the slowest. */
async function longestTrace(url: string): Promise<string> {
  const answer = await fetch(`${url}/api/traces?sort=slowest&limit=500`)
  const { traces } = (await answer.json()) as { traces: { traceId: string; spans: number }[] }
  return traces.sort((one, other) => other.spans - one.spans)[0]!.traceId
}

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { code, stderr } = await startCommand(command, args, env).ended
  if (code !== 0) throw new CommandError(`${command} failed: ${stderr}`)
}

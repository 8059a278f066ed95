import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { type Test, test } from 'tap'
import { PASSWORD, temporaryFolder } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import { startCommand } from '../tools/run-command.ts'
import { openViewer, type ViewerClient } from '../viewer/viewer-client.ts'
import { violations } from './axe.ts'
import { type Look, noBrowser, openBrowser, until } from './browser.ts'
import { Person } from './person.ts'

/** Names of two plays on one stage: with scripts, and without. */
const ACTS = ['First', 'Second']

/** The page that an address counts for; the first that fits. */
const PAGES: readonly [address: RegExp, page: string][] = [
  [/^\/(app)?$/, 'home'],
  [/^\/app\/sign-up$/, 'signup'],
  [/^\/app\/(log-in$|account\/sessions)/, 'login'],
  [/^\/app\/account/, 'account'],
  [/\/location$/, 'location'],
  [/^\/app\/(community|users)/, 'community'],
  [/^\/app\/friends$/, 'friends'],
  [/^\/app\/polls$/, 'polls'],
  [/^\/app\/polls\/\d+$/, 'vote'],
  [/^\/app\/polls\/\d+\/results$/, 'results'],
  [/^\/app\/admin\/statistics$/, 'statistics'],
  [/^\/app\/admin/, 'admin'],
  [/^\/app\/toolkit$/, 'toolkit'],
  [/^\/app\/toolkit\/videos/, 'videos'],
  [/^\/app\/toolkit\/playlist$/, 'playlist'],
  [/^\/app\/toolkit\/news$/, 'news'],
]

const FEED = `<?xml version="1.0"?><rss version="2.0"><channel><title>Village news</title>
<link>https://news.example/</link><description>Of the village</description>
<item><title>The bridge is open</title><link>https://news.example/bridge</link>
<pubDate>Sun, 29 Nov 2026 10:00:00 GMT</pubDate><description>Carts may cross.</description></item>
</channel></rss>`

/** A feed server of the test's own. */
async function serveFeed(t: Test): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/rss+xml').end(FEED)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/feed.xml`
}

interface Stage {
  browser: Browser
  url: string
  feedUrl: string
  /** Makes the account an administrator. */
  appoint(email: string): Promise<void>
}

/** Everybody whose clicks the service counts. */
class Cast {
  readonly people: Person[] = []
  readonly stage: Stage
  readonly look: Look

  constructor(stage: Stage, look: Look) {
    this.stage = stage
    this.look = look
  }

  async signUp(name: string): Promise<Person> {
    const person = await Person.arrive(this.stage.browser, this.stage.url, this.look)
    this.people.push(person)
    await person.go('/')
    await person.turnTo('Sign up')
    await person.send('Sign up', {
      Name: name,
      'E-mail address': addressOf(name),
      Password: PASSWORD,
    })
    return person
  }
}

function addressOf(name: string): string {
  return `${name.toLowerCase().replaceAll(' ', '.')}@example.com`
}

/** The whole story, by people whose browsers look like this; `act` names them, because two plays share one service. */
async function play(t: Test, cast: Cast, act: string): Promise<void> {
  const [ada, grace, admin] = [`Ada ${act}`, `Grace ${act}`, `Admin ${act}`]
  const adaPerson = await cast.signUp(ada)
  t.equal(await adaPerson.heading(), `Hello, ${ada}`)
  const gracePerson = await cast.signUp(grace)
  await befriend(t, adaPerson, gracePerson, ada, grace)
  await sharePlace(t, adaPerson, gracePerson, ada)
  const find = adaPerson.page.getByRole('button', { name: 'Find my place' })
  t.equal(
    await find.count(),
    cast.look.scripts === false ? 0 : 1,
    'a button of a script is shown by the script',
  )
  await keepToolkit(t, adaPerson, cast.stage)
  const administrator = await cast.signUp(admin)
  await cast.stage.appoint(addressOf(admin))
  await vote(t, { administrator, ada: adaPerson, grace: gracePerson }, act)
  await administrate(t, administrator, act)
}

async function befriend(t: Test, ada: Person, grace: Person, adaName: string, graceName: string) {
  await ada.turnTo('Community')
  await ada.send('Show', { 'Name starts with': graceName })
  await ada.follow(graceName)
  await ada.press(`Ask to be friends with ${graceName}`)
  t.match(await ada.text(), 'You asked')
  await grace.turnTo('Friends')
  await grace.press(`Accept the request of ${adaName}`)
  t.match(await grace.text(), adaName)
  await ada.turnTo('Community')
  await ada.follow('Everybody on one page')
  t.match(await ada.text(), graceName)
  await ada.turnTo('Friends')
  await ada.follow(graceName)
  t.match(await ada.text(), 'friends since')
  // A block, and back: the friendship has ended.
  await ada.press(`Block ${graceName}`)
  await grace.turnTo('Friends')
  t.notMatch(await grace.text(), adaName)
  await ada.press(`Unblock ${graceName}`)
  await ada.press(`Ask to be friends with ${graceName}`)
  await grace.turnTo('Friends')
  await grace.press(`Accept the request of ${adaName}`)
}

async function sharePlace(t: Test, ada: Person, grace: Person, adaName: string) {
  await ada.turnTo('Toolkit')
  await ada.follow('Your place')
  await ada.page.getByLabel('My friends may see it').check()
  await ada.send('Save', { Latitude: '47.3769', Longitude: '8.5417' })
  t.match(await ada.text(), '47.3769')
  await grace.turnTo('Friends')
  await grace.follow(adaName)
  await grace.follow(`Where ${adaName} is`)
  t.match(await grace.text(), '47.3769')
}

async function keepToolkit(t: Test, ada: Person, { feedUrl }: Stage) {
  await ada.turnTo('Toolkit')
  await ada.follow('Videos')
  await ada.send('Save', { Title: 'A song', Address: 'https://youtu.be/dQw4w9WgXcQ' })
  await ada.send('Save', { Title: 'A talk', Address: 'https://vimeo.com/76979871' })
  await ada.press('Up: A talk')
  t.match(await ada.text(), /A talk.*A song/s)
  await ada.turnTo('Toolkit')
  await ada.follow('Playlist')
  for (const title of ['First', 'Second'])
    await ada.send('Add', { Title: title, Address: `https://songs.example/${title}.mp3` })
  await ada.press('Down: First')
  t.match(await ada.text(), /Second.*First/s)
  await ada.turnTo('Toolkit')
  await ada.follow('News')
  await ada.send('Add', { Address: feedUrl })
  t.match(await ada.text(), 'The bridge is open')
}

async function vote(
  t: Test,
  { administrator, ada, grace }: Record<'administrator' | 'ada' | 'grace', Person>,
  act: string,
) {
  const question = `Where do we meet, ${act}?`
  await administrator.turnTo('Polls')
  await administrator.follow('New poll')
  await administrator.send('Create', { Question: question, Choices: 'At the bridge\nAt the mill' })
  for (const [person, choice] of [
    [ada, 'At the bridge'],
    [grace, 'At the bridge'],
    [administrator, 'At the mill'],
  ] as const) {
    await person.turnTo('Polls')
    await person.follow(question)
    await person.page.getByLabel(choice).check()
    await person.press('Vote')
  }
  t.match(await administrator.text(), /At the bridge.*2.*At the mill.*1.*3 votes/s)
  await ada.follow('Change my vote')
  await ada.page.getByLabel('At the mill').check()
  await ada.press('Change my vote')
  t.match(await ada.text(), /At the bridge.*1.*At the mill.*2.*3 votes/s)
  await grace.follow('Change my vote')
  await grace.press('Take my vote back')
  await administrator.follow('Edit')
  await administrator.press('Close now')
  // Who took the vote back sees the results now that the poll is closed.
  await grace.turnTo('Polls')
  await grace.follow(question)
  await grace.follow('Results')
  t.match(await grace.text(), /closed.*At the mill.*2.*2 votes/s)
}

async function administrate(t: Test, administrator: Person, act: string) {
  await administrator.turnTo('Administration')
  await administrator.send('Send the event', { Title: `The fair, ${act}`, 'Tags (optional)': 'team:village' })
  t.match(await administrator.text(), 'The event was sent')
  await administrator.turnTo('Administration')
  await administrator.follow('Statistics')
  t.match(await administrator.text(), /Members\s+\d/)
  await administrator.turnTo('Administration')
  await administrator.follow('Polls')
}

async function leave(t: Test, grace: Person, name: string) {
  await grace.turnTo(name)
  await grace.follow('Where you are logged in')
  await grace.turnTo(name)
  await grace.follow('Delete your account')
  await grace.send('Delete my account for good', { 'Current password': PASSWORD })
  t.equal(new URL(grace.page.url()).pathname, '/app')
}

const SCHEMES = ['light', 'dark'] as const
const WIDTHS = [360, 768, 1280]

/** Each page that somebody has seen holds to WCAG 2.2 AA, as far as axe can tell, and nothing sticks out of it. */
async function lookAtEverything(t: Test, person: Person): Promise<void> {
  const { page } = person
  for (const path of new Set(person.shown)) {
    await person.go(path)
    for (const width of WIDTHS)
      for (const colorScheme of SCHEMES) {
        await page.setViewportSize({ width, height: 900 })
        await page.emulateMedia({ colorScheme })
        const name = `${path}, ${width} px, ${colorScheme}`
        t.strictSame(await violations(page), [], name)
        t.equal(
          await page.evaluate('document.documentElement.scrollWidth'),
          width,
          `${name}: nothing sticks out`,
        )
      }
  }
}

/** Views by page, as the people's browsers showed them. */
function shownBy(people: readonly Person[]): Record<string, number> {
  const views: Record<string, number> = {}
  for (const path of people.flatMap(({ shown }) => shown)) {
    const page = PAGES.find(([address]) => address.test(path))?.[1] ?? `nothing known for ${path}`
    views[page] = (views[page] ?? 0) + 1
  }
  return views
}

/** Views by page, as the viewer has them. */
async function viewsIn(viewer: ViewerClient): Promise<Record<string, number>> {
  const values = await viewer.values('sum:web.page_views{*} by {page}.as_count()')
  return Object.fromEntries(values.map(({ tags, value }) => [String(tags.page), value ?? 0]))
}

test('two people and an administrator use everything, and their clicks are the views', {
  skip: noBrowser,
  timeout: 600_000,
}, async (t) => {
  const viewer = await openViewer(t)
  const DATABASE_URL = `sqlite:${join(temporaryFolder(t), 'rollcall.db')}`
  const service = await startService(t, {
    env: {
      DATABASE_URL,
      FEED_ADDRESSES_ALLOWED: '127.0.0.1',
      OTEL_EXPORTER_OTLP_ENDPOINT: viewer.url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    },
  })
  const stage: Stage = {
    browser: await openBrowser(t),
    url: service.url,
    feedUrl: await serveFeed(t),
    async appoint(email) {
      const { code, stderr } = await startCommand('admin', ['grant', email], { DATABASE_URL }).ended
      t.equal(code, 0, stderr)
    },
  }
  const casts = [
    new Cast(stage, { width: 1280, scheme: 'light' }),
    new Cast(stage, { width: 360, scheme: 'dark', scripts: false }),
  ]
  for (const [index, cast] of casts.entries()) await play(t, cast, ACTS[index]!)

  const people = casts.flatMap((cast) => cast.people)
  for (const person of casts[0]!.people) await lookAtEverything(t, person)
  for (const [index, { people }] of casts.entries()) await leave(t, people[1]!, `Grace ${ACTS[index]}`)
  t.strictSame(
    people.flatMap(({ faults }) => faults),
    [],
    'no error in a console, no request to another host',
  )
  const expected = shownBy(people)
  const total = Object.values(expected).reduce((sum, views) => sum + views, 0)
  await until(
    async () => Object.values(await viewsIn(viewer)).reduce((sum, views) => sum + views, 0) >= total,
  )
  t.strictSame(await viewsIn(viewer), expected)
})

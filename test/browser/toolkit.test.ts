import type { BrowserContext, Page } from 'playwright-core'
import { type Test, test } from 'tap'
import { PASSWORD } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import { noBrowser, openBrowser, until } from './browser.ts'

const options = { skip: noBrowser, timeout: 120_000 }

/** A person who is logged in, and the addresses of other hosts that the browser asked for; all are answered here. */
async function arrive(t: Test, answer: (url: URL) => { contentType: string; body: string | Buffer }) {
  const { url } = await startService(t)
  const browser = await openBrowser(t)
  const context = await browser.newContext()
  const asked: { url: string; referer: string | undefined }[] = []
  await context.route(
    (address) => address.origin !== url,
    async (route) => {
      const request = route.request()
      asked.push({ url: request.url(), referer: (await request.allHeaders()).referer })
      await route.fulfill(answer(new URL(request.url())))
    },
  )
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(error.message))
  await page.goto(`${url}/app/sign-up`)
  await fill(page, { name: 'Ada', email: 'ada@example.com', password: PASSWORD })
  return { url, context, page, asked, faults }
}

async function fill(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.locator(`#${name}`).fill(value)
  await page.locator('form.card button:not([type])').click()
}

/** A second of silence. */
function sound(): Buffer {
  const samples = 8000
  const wave = Buffer.alloc(44 + samples, 0x80)
  wave.write('RIFF', 0)
  wave.writeUInt32LE(36 + samples, 4)
  wave.write('WAVEfmt ', 8)
  wave.writeUInt32LE(16, 16)
  wave.writeUInt16LE(1, 20)
  wave.writeUInt16LE(1, 22)
  wave.writeUInt32LE(samples, 24)
  wave.writeUInt32LE(samples, 28)
  wave.writeUInt16LE(1, 32)
  wave.writeUInt16LE(8, 34)
  wave.write('data', 36)
  wave.writeUInt32LE(samples, 40)
  return wave
}

test(
  'a video is loaded on its own page only, in a frame that knows where it is shown',
  options,
  async (t) => {
    const { url, page, asked, faults } = await arrive(t, () => ({
      contentType: 'text/html',
      body: '<!doctype html><title>player</title><p id="played">plays</p><script>document.title = "ran"</script>',
    }))
    await page.goto(`${url}/app/toolkit/videos`)
    await fill(page, { title: 'A film', url: 'https://youtu.be/dQw4w9WgXcQ?t=3' })
    t.strictSame(asked, [], 'the list asks no other host')
    await page.getByRole('link', { name: 'A film' }).click()
    const frame = page.frameLocator('iframe.video')
    await frame.getByText('plays').waitFor()
    t.equal(await frame.locator('title').textContent(), 'ran', 'its scripts run')
    t.strictSame(asked, [{ url: 'https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ', referer: `${url}/` }])
    t.strictSame(faults, [])
  },
)

test('a playlist plays one song after the other, and one at once', options, async (t) => {
  const { url, page, asked, faults } = await arrive(t, () => ({ contentType: 'audio/wav', body: sound() }))
  await page.goto(`${url}/app/toolkit/playlist`)
  for (const title of ['One', 'Two', 'Three'])
    await fill(page, { title, url: `https://media.example/${title}.wav` })
  t.strictSame(asked, [], 'the list asks no other host')
  const song = (index: number) => `document.querySelectorAll('audio')[${index}]`
  const is = (state: string, index: number) => () => page.evaluate<boolean>(`${song(index)}.${state}`)
  await page.evaluate(`${song(0)}.play()`)
  await until(is('ended', 1))
  t.ok(await is('ended', 0)())
  await until(async () => !(await is('paused', 2)()))
  await page.evaluate(`${song(0)}.play()`)
  t.ok(await is('paused', 2)())
  t.strictSame(
    [...new Set(asked.map((each) => each.url))],
    ['One', 'Two', 'Three'].map((title) => `https://media.example/${title}.wav`),
  )
  t.strictSame(faults, [])
})

test('the browser is asked for the place by a click, and nothing is saved by it', options, async (t) => {
  const { url, context, page, faults } = await arrive(t, () => ({ contentType: 'text/plain', body: '' }))
  await allowPlace(context, url)
  await page.goto(`${url}/app/toolkit/location`)
  t.equal(await page.locator('#latitude').inputValue(), '')
  await page.getByRole('button', { name: 'Find my place' }).click()
  await page.getByText('Filled in; nothing is saved yet.').waitFor()
  t.equal(await page.locator('#latitude').inputValue(), '52.52000')
  t.equal(await page.locator('#longitude').inputValue(), '13.40500')
  t.equal(await page.locator('#accuracy').inputValue(), '24')
  t.equal(await page.locator('svg.map').count(), 0)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator('svg.map').first().waitFor()
  t.match(await page.locator('main').innerText(), '52.52° north, 13.405° east, within 24 m')

  await context.clearPermissions()
  await page.getByRole('button', { name: 'Find my place' }).click()
  await page.getByText('The browser may not tell your place.').waitFor()
  t.strictSame(faults, [])
})

async function allowPlace(context: BrowserContext, origin: string): Promise<void> {
  await context.grantPermissions(['geolocation'], { origin })
  await context.setGeolocation({ latitude: 52.52, longitude: 13.405, accuracy: 24.2 })
}

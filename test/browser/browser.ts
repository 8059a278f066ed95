import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

const USUAL = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** The browser named by CHROMIUM, or one at a usual place. */
export function findChromium(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env
  if (CHROMIUM) return existsSync(CHROMIUM) ? CHROMIUM : undefined
  const onPath = PATH.split(delimiter).map((folder) => join(folder, 'chromium'))
  return [...USUAL, ...onPath].find((path) => existsSync(path))
}

/** For tap's `skip`: false where there is a browser, and otherwise why nothing is tested. */
export const noBrowser: false | string =
  findChromium() === undefined && 'there is no Chromium: install it, or name it in CHROMIUM'

/** Headless, and closed with the test. */
export async function openBrowser(t: Pick<Test, 'teardown'>): Promise<Browser> {
  // Its sandbox needs rights that root in a container does not have; only our own pages are opened.
  const browser = await chromium.launch({ executablePath: findChromium()!, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  return browser
}

export interface Look {
  width?: number
  height?: number
  scheme?: 'light' | 'dark'
  /** Whether the scripts of pages run. */
  scripts?: boolean
}

/** A page at this path, or at none yet, and what it must not do: errors in its console, requests to other hosts. */
export async function openPage(
  browser: Browser,
  url: string,
  path: string | undefined,
  { width = 1400, height = 900, scheme = 'light', scripts = true }: Look = {},
): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height },
    colorScheme: scheme,
    javaScriptEnabled: scripts,
  })
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      faults.push(`${message.text()} (${message.location().url})`)
  })
  page.on('pageerror', (error) => faults.push(error.stack ?? error.message))
  page.on('dialog', (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== url) faults.push(`a request to ${request.url()}`)
  })
  if (path !== undefined) await page.goto(path)
  return { page, faults }
}

/** Asks again until it holds; the pages' own policy forbids what Playwright would do for it. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(50)
}

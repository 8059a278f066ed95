import type { Browser, Page } from 'playwright-core'
import { type Look, openPage } from './browser.ts'

/** Somebody with a browser of their own, and the pages that it has shown them. */
export class Person {
  readonly page: Page
  /** Errors in the console, and requests to other hosts. */
  readonly faults: string[]
  /** Path of each page shown, in order: of each navigation that was not answered with a redirect. */
  readonly shown: string[] = []

  private constructor(page: Page, faults: string[]) {
    this.page = page
    this.faults = faults
    page.on('response', (response) => {
      const request = response.request()
      if (!request.isNavigationRequest() || request.frame() !== page.mainFrame()) return
      if (response.status() < 300 || response.status() >= 400)
        this.shown.push(new URL(response.url()).pathname)
    })
  }

  /** Nothing is shown yet. */
  static async arrive(browser: Browser, url: string, look: Look = {}): Promise<Person> {
    const { page, faults } = await openPage(browser, url, undefined, look)
    return new Person(page, faults)
  }

  /** Types an address of this service. */
  async go(path: string): Promise<void> {
    await this.#following(() => this.page.goto(path))
  }

  /** Fills the fields with these labels, and presses the button. */
  async send(button: string, fields: Record<string, string> = {}): Promise<void> {
    for (const [label, value] of Object.entries(fields))
      await this.page.getByLabel(label, { exact: true }).fill(value)
    await this.press(button)
  }

  /** Presses the button and waits for the page that follows. */
  async press(name: string): Promise<void> {
    await this.#following(() => this.page.getByRole('button', { name, exact: true }).click())
  }

  /** Follows a link of the page itself. */
  async follow(name: string): Promise<void> {
    const main = this.page.getByRole('main')
    await this.#following(() => main.getByRole('link', { name, exact: true }).first().click())
  }

  /** Follows a link of the navigation at the top. */
  async turnTo(name: string): Promise<void> {
    const navigation = this.page.getByRole('navigation', { name: 'Main' })
    await this.#following(() => navigation.getByRole('link', { name, exact: true }).click())
  }

  heading(): Promise<string> {
    return this.page.getByRole('heading', { level: 1 }).innerText()
  }

  text(): Promise<string> {
    return this.page.getByRole('main').innerText()
  }

  async #following(act: () => Promise<unknown>): Promise<void> {
    const response = this.page.waitForResponse((each) => {
      const isPage = each.request().isNavigationRequest() && each.request().frame() === this.page.mainFrame()
      return isPage && (each.status() < 300 || each.status() >= 400)
    })
    await act()
    await response
    await this.page.waitForLoadState()
  }
}

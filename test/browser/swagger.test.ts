import { test } from 'tap'
import { PASSWORD } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import { noBrowser, openBrowser, openPage } from './browser.ts'

test('/docs is drawn by its own policy, asks no other host, and tries a request with a token', {
  skip: noBrowser,
}, async (t) => {
  const { url } = await startService(t)
  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json()
  }
  const account = { email: 'ada@example.com', password: PASSWORD }
  await post('/v1/users', { name: 'Ada', ...account })
  const { token } = (await post('/v1/sessions', account)) as { token: string }

  const browser = await openBrowser(t)
  for (const [width, scheme] of [
    [1280, 'light'],
    [360, 'dark'],
  ] as const) {
    const { page, faults } = await openPage(browser, url, '/docs', { width, scheme })
    const operation = page.locator('.opblock-get', { has: page.locator('[data-path="/v1/me"]') })
    await operation.waitFor()
    await page.getByRole('button', { name: 'Authorize', exact: true }).click()
    const bearer = page.locator('.auth-container', { hasText: 'http, Bearer' })
    await bearer.locator('input').fill(token)
    await bearer.getByRole('button', { name: 'Apply credentials' }).click()
    await bearer.getByRole('button', { name: 'Close' }).click()
    await operation.locator('.opblock-summary-control').click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    const answer = operation.locator('.live-responses-table')
    await answer.waitFor()
    t.match(await answer.textContent(), 'ada@example.com')
    t.match(await answer.locator('.response-col_status').last().textContent(), '200')
    t.strictSame(faults, [], `${width} px, ${scheme}`)
    await page.context().close()
  }
})

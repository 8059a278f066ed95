import t from 'tap'
import { openApp } from '../support/harness.ts'

const FIELDS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
}
const HSTS = 'max-age=31536000; includeSubDomains'

t.test('every reply says what a browser may do with it', async (t) => {
  const { ask } = await openApp(t)
  for (const url of ['/', '/v1/me', '/nope', '/openapi.json'])
    t.match((await ask({ url })).headers, FIELDS, url)
})

t.test('/docs has a policy of its own', async (t) => {
  const { app } = await openApp(t)
  const { headers } = await app.inject({ url: '/docs/' })
  t.match(headers, { ...FIELDS, 'content-security-policy': /^default-src 'self'/ })
})

t.test('Strict-Transport-Security goes out over https only', async (t) => {
  const hstsWith = async (trustProxy: string, proto?: string) => {
    const { ask } = await openApp(t, { config: { trustProxy } })
    const { headers, statusCode } = await ask({
      url: '/',
      ...(proto !== undefined && { headers: { 'x-forwarded-proto': proto } }),
    })
    t.equal(statusCode, 200, proto ?? 'none')
    return headers['strict-transport-security']
  }
  t.equal(await hstsWith(''), undefined, 'plain HTTP')
  t.equal(await hstsWith('', 'https'), undefined, 'anybody may claim https')
  t.equal(await hstsWith('127.0.0.1', 'https'), HSTS, 'a trusted proxy knows')
  t.equal(await hstsWith('127.0.0.1', 'https, http'), undefined)
  t.equal(await hstsWith('127.0.0.1', 'http, https'), HSTS, 'the nearest proxy has the last word')
  for (const odd of ['gopher', ',', ' ', 'https,']) t.equal(await hstsWith('127.0.0.1', odd), undefined, odd)
})

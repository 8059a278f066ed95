import { test } from 'tap'
import { noBrowser } from './browser.ts'
import { complaints, endure } from './endurance.ts'

test('under load the viewer keeps within its memory, loses nothing and answers its pages', {
  skip: noBrowser,
  timeout: 180_000,
}, async (t) => {
  // So little memory that it is full after some seconds; the long form is `npm run endurance`.
  const options = { seconds: 30, rate: 150, services: 1, memoryMib: 16 }
  const report = await endure(t, { ...options, signal: new AbortController().signal })
  t.strictSame(complaints(report), [], JSON.stringify(report))
  t.ok(report.viewer.evictedSpans > 0, 'there was more than it has room for')
})

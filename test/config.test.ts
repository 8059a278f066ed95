import { availableParallelism } from 'node:os'
import { test } from 'tap'
import { readConfig, SETTINGS } from '../src/config.ts'

test('without variables every setting has its default', (t) => {
  const config = readConfig({})
  for (const [key, setting] of Object.entries(SETTINGS))
    t.equal(config[key as keyof typeof config], setting.default, key)
  t.ok(Object.isFrozen(config))
  t.equal(
    readConfig({ WORKERS: '0' }).workers,
    Math.min(availableParallelism(), 64),
    'one for each processor',
  )
  t.equal(readConfig({ PORT: '' }).port, 3000, 'an empty variable is none')
  t.end()
})

test('a setting out of its bounds is refused in one sentence that says the mend', (t) => {
  const refusal = (env: Record<string, string>) => {
    try {
      readConfig(env)
    } catch (error) {
      return (error as Error).message
    }
    return undefined
  }
  t.equal(refusal({ PORT: '65536' }), 'PORT is "65536"; set it to a whole number from 0 to 65535.')
  for (const text of ['-1', '1.5', '1e3', '0x10', ' 1', 'NaN', '3000abc'])
    t.match(refusal({ PORT: text }), /^PORT is/, text)
  t.match(refusal({ LOG_LEVEL: 'loud' }), /^LOG_LEVEL is "loud"; set it to one of trace, debug/)
  t.match(refusal({ DATABASE_URL: 'mysql://x' }), /^DATABASE_URL is/)
  t.match(refusal({ PUBLIC_ORIGIN: 'https://x/y' }), /^PUBLIC_ORIGIN is/)
  t.match(refusal({ SUPPORT_TAG: 'a b' }), /^SUPPORT_TAG is/)
  t.end()
})

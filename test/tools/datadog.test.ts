import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { AnsweringServer, type Outcome, type ReceivedRequest } from '../support/answering-server.ts'
import { runScript } from './run-command.ts'

const KEY = 'abcdef0123456789abcdef0123456789'

/**
 * The shape of `POST /api/v1/events`, by EventCreateRequest in Datadog's OpenAPI document of its API v1 (2026-04). Members
 * that it does not name would be ignored, so they are refused here.
 */
const EVENT = {
  type: 'object',
  required: ['title', 'text'],
  additionalProperties: false,
  properties: {
    title: { type: 'string' },
    text: { type: 'string', maxLength: 4000 },
    tags: { type: 'array', items: { type: 'string' } },
    alert_type: {
      enum: ['error', 'warning', 'info', 'success', 'user_update', 'recommendation', 'snapshot'],
    },
    priority: { enum: ['normal', 'low', null] },
    aggregation_key: { type: 'string', maxLength: 100 },
    date_happened: { type: 'integer' },
    device_name: { type: 'string' },
    host: { type: 'string' },
    related_event_id: { type: 'integer' },
    source_type_name: { type: 'string' },
  },
}

const ACCEPTED: Outcome = {
  status: 202,
  body: JSON.stringify({ status: 'ok', event: { id: 1, url: 'https://app.datadoghq.com/event/event?id=1' } }),
}

async function openDatadog(t: Test, answer: Outcome = ACCEPTED) {
  const requests: ReceivedRequest[] = []
  const server = new AnsweringServer((request) => {
    requests.push(request)
    return answer
  })
  await server.listen()
  t.teardown(() => server.close())
  const send = (args: string[], env: Record<string, string> = {}) =>
    runScript('datadog', ['event', ...args], { DD_API_KEY: KEY, DD_API_URL: server.url, ...env })
  return { requests, send, url: server.url }
}

t.test('an event is sent as the API takes it, with the key in its header only', async (t) => {
  const { requests, send } = await openDatadog(t)
  const accepts = new Ajv({ allErrors: true }).compile(EVENT)
  const sent: [args: string[], body: object][] = [
    [
      [
        '--title',
        'Deployed 1.2',
        '--text',
        'The blue one',
        '--tags',
        'team:web, deploy',
        '--severity',
        'warning',
      ],
      { title: 'Deployed 1.2', text: 'The blue one', tags: ['team:web', 'deploy'], alert_type: 'warning' },
    ],
    [['--title', 'Load test'], { title: 'Load test', text: 'Load test', tags: [], alert_type: 'info' }],
  ]
  for (const [args, body] of sent) {
    t.same(await send(args), {
      code: 0,
      signal: null,
      stdout: `The event "${args[1]}" was sent: https://app.datadoghq.com/event/event?id=1\n`,
      stderr: '',
    })
    const request = requests.pop() as ReceivedRequest
    t.same([request.method, request.path, [...request.query]], ['POST', '/api/v1/events', []])
    t.match(request.headers, { 'dd-api-key': KEY, 'content-type': 'application/json' })
    const given = JSON.parse(request.body.toString())
    t.ok(accepts(given), JSON.stringify(accepts.errors))
    t.same(given, { ...body, source_type_name: 'rollcall' })
  }
})

t.test('what Datadog refuses is said in one sentence with the mend, and never with the key', async (t) => {
  const refused = (status: number, error = 'no', headers = {}) => ({
    status,
    headers,
    body: JSON.stringify({ errors: [error] }),
  })
  const answers: [Outcome, RegExp][] = [
    [
      refused(403, `Forbidden for ${KEY}`),
      /^Datadog did not take the key \(403: Forbidden for …\); set DD_API_KEY /,
    ],
    [refused(400, 'Bad\ntitle'), /^Datadog refused it \(400: Bad title\); change what it names\.$/],
    [refused(429, 'Slow', { 'x-ratelimit-reset': '7' }), /\(429: Slow\); try again in 7 s\.$/],
    [{ status: 503, body: '<html>' }, /^Datadog failed \(503\); try again later\.$/],
    [
      { status: 302, headers: { location: 'https://elsewhere.example' } },
      /is not Datadog's API \(302\); check DD_SITE/,
    ],
    ['reset', /could not be reached \(\w+\); check DD_SITE and the network\.$/],
  ]
  for (const [answer, sentence] of answers) {
    const { requests, send } = await openDatadog(t, answer)
    const { code, stdout, stderr } = await send(['--title', 'x'])
    t.same([code, stdout, requests.length], [1, '', 1], String(sentence))
    t.match(stderr.trimEnd(), sentence)
    t.notMatch(stderr, KEY)
  }
})

t.test('what is not set or typed as it must be is said before anything is sent', async (t) => {
  const { requests, send } = await openDatadog(t)
  const wrong: [args: string[], env: Record<string, string>, code: number, sentence: RegExp][] = [
    [
      ['--title', 'x'],
      { DD_API_KEY: '' },
      1,
      /^DD_API_KEY is missing; set it to an API key of your organisation\.$/,
    ],
    [
      ['--title', 'x'],
      { DD_API_KEY: `${KEY}\n` },
      1,
      /^DD_API_KEY has a character that no key has; copy it once more\.$/,
    ],
    [
      ['--title', 'x'],
      { DD_SITE: 'https://app.datadoghq.eu/' },
      1,
      /^DD_SITE is "https:.*"; set it to a site such as /,
    ],
    [
      ['--title', 'x'],
      { DD_API_URL: 'datadoghq.eu' },
      1,
      /^DD_API_URL is "datadoghq.eu"; set it to a URL such as /,
    ],
    [[], {}, 2, /^--title is missing; see npm run datadog -- event --help\.$/],
    [['--title', ''], {}, 2, /^--title must have 1 to 100 characters\.$/],
    [['--title', 'x', '--tags', '1st'], {}, 2, /^--tags must each begin with a letter, /],
    [
      ['--title', 'x', '--severity', 'grave'],
      {},
      2,
      /^--severity is "grave"; give one of info, warning, error\.$/,
    ],
  ]
  for (const [args, env, code, sentence] of wrong) {
    const ended = await send(args, env)
    t.same([ended.code, ended.stdout], [code, ''], args.join(' '))
    t.match(ended.stderr.trimEnd(), sentence)
    t.notMatch(ended.stderr, KEY)
  }
  t.same(requests, [])
})

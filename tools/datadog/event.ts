import { type Event, parseEvent, SEVERITIES } from '../../src/admin/events.ts'
import { oneOf } from '../../src/allowed.ts'
import { Problem } from '../../src/errors.ts'
import { required, subcommand, text, UsageError, value } from '../../src/process/command.ts'
import { DatadogApi } from './api.ts'

export const event = subcommand({
  summary: "Sends an event to Datadog's events, where dashboards show it over their charts.",
  options: {
    title: required(text('TEXT', 'what has happened, in 100 characters at most')),
    text: text('TEXT', 'more of it, in 4000 characters at most; the title if left out'),
    tags: text('A:B,C:D', 'tags, separated by commas'),
    severity: value('SEVERITY', oneOf(SEVERITIES), `${SEVERITIES.join(', ')}; info if left out`),
  },
  async run({ title, text, tags, severity }, signal) {
    const api = new DatadogApi(process.env)
    const parsed = readEvent({ title, text, tags: tags?.split(',').map((tag) => tag.trim()), severity })
    const answer = await api.post('/api/v1/events', requestOf(parsed), signal)
    const { event } = (answer ?? {}) as { event?: { url?: string } }
    const place = event?.url === undefined ? api.url : event.url
    process.stdout.write(`The event "${parsed.title}" was sent: ${place}\n`)
  },
})

/** By the rules of `POST /v1/admin/events`, so that both take the same. */
function readEvent(typed: Parameters<typeof parseEvent>[0]): Event {
  try {
    return parseEvent(typed)
  } catch (error) {
    const [first] = error instanceof Problem ? (error.errors ?? []) : []
    if (first === undefined) throw error
    throw new UsageError(`--${first.pointer?.slice(2)} ${first.detail}.`)
  }
}

/** The version 1 of the API: version 2 takes only changes and alerts. It needs a text. */
function requestOf({ title, text, tags, severity }: Event): object {
  return { title, text: text ?? title, tags, alert_type: severity, source_type_name: 'rollcall' }
}

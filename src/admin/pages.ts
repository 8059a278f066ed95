import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Again, field, refusalNote } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { day, inWords } from '../html/time.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { requireAdministrator } from '../sessions/administrator.ts'
import { barChart } from './bar-chart.ts'
import { parseEvent, SEVERITIES } from './events.ts'
import type { AdminOptions } from './routes.ts'
import { DAYS, lastDays, readStatistics } from './statistics.ts'

const ADMIN = '/app/admin'
const EVENTS = '/app/admin/events'
const STATISTICS = '/app/admin/statistics'

/** For administrators: events and statistics. */
export const adminPages: FastifyPluginAsyncTypebox<AdminOptions> = async (pages, options) => {
  const { emitEvent } = options
  const onRequest = [pages.requireSession, requireAdministrator]

  pages.get(
    ADMIN,
    {
      config: { page: 'admin' },
      schema: { querystring: Type.Object({ done: Type.Optional(Type.Literal('event')) }) },
      onRequest,
    },
    async (request, reply) => {
      const notice =
        request.query.done && 'The event was sent. It marks the charts as soon as it has arrived.'
      return showPage(request, reply, { ...adminView(), notice })
    },
  )

  pages.post(
    EVENTS,
    {
      config: { page: 'admin', form: adminView },
      schema: {
        // Generous, as in the API: the exact rules count code points of normalised text.
        body: Type.Object(
          {
            title: Type.String({ maxLength: 400 }),
            text: Type.String({ maxLength: 16_000 }),
            tags: Type.String({ maxLength: 16_000 }),
            severity: Type.Enum([...SEVERITIES]),
          },
          { additionalProperties: false },
        ),
      },
      onRequest,
    },
    async (request, reply) => {
      const { title, text, tags, severity } = request.body
      const words = tags.split(/[\s,]+/).filter((word) => word !== '')
      emitEvent(parseEvent({ title, text: text.trim() === '' ? undefined : text, tags: words, severity }))
      return seeOther(reply, `${ADMIN}?done=event`)
    },
  )

  pages.get(STATISTICS, { config: { page: 'statistics' }, onRequest }, async (request, reply) =>
    showPage(request, reply, await statisticsView(options)),
  )
}

function adminView(again: Again = {}): View {
  const severity = again.typed?.severity
  return {
    title: 'Administration',
    main: html`<ul class="tiles">
<li><a href="/app/admin/polls">Polls</a><p>Make, edit, close and delete them.</p></li>
<li><a href="${STATISTICS}">Statistics</a><p>Counts of the community, views and query times by page.</p></li>
</ul>
<h2 id="event">Mark the charts with an event</h2>
${refusalNote(again)}
<form method="post" action="${EVENTS}" class="card">
${field({ name: 'title', label: 'Title', hint: 'What has happened, such as a deployment.', attributes: html`maxlength="200"` }, again)}
${field({ name: 'text', label: 'Text', rows: 3, isOptional: true, attributes: html`maxlength="4000"` }, again)}
${field({ name: 'tags', label: 'Tags', hint: 'Such as team:web, with spaces or commas between them.', isOptional: true, attributes: html`autocomplete="off" autocapitalize="none" spellcheck="false"` }, again)}
<div class="field"><label for="severity">Severity</label>
<select id="severity" name="severity">
${SEVERITIES.map((each) => html`<option ${each === severity && html`selected`}>${each}</option>`)}
</select></div>
<button>Send the event</button>
</form>`,
  }
}

type Statistics = Awaited<ReturnType<typeof readStatistics>>

async function statisticsView(options: AdminOptions): Promise<View> {
  const statistics = await readStatistics(options)
  return {
    title: 'Statistics',
    main: html`<p><a href="${ADMIN}">Administration</a></p>
${table(
  'Counts',
  ['What', 'Count'],
  [
    row('Members', grouped(statistics.members)),
    row('Sessions', grouped(statistics.sessions)),
    row('Friendships', grouped(statistics.friendships)),
    row('Polls', grouped(statistics.polls)),
    row('Votes', grouped(statistics.votes)),
  ],
)}
${votesByPoll(statistics)}
${signUps(statistics)}
${countedHere(statistics)}`,
  }
}

function votesByPoll({ votesByPoll }: Statistics): Html | undefined {
  if (votesByPoll.length === 0) return undefined
  return html`<h2>Votes by poll</h2>
${table(
  'Votes by poll',
  ['Poll', 'Votes'],
  votesByPoll.map(({ pollId, question, votes }) =>
    row(html`<a href="/app/polls/${pollId}">${question}</a>`, grouped(votes)),
  ),
)}`
}

function signUps({ signUpsByDay }: Statistics): Html {
  const counts = new Map(signUpsByDay.map(({ day, count }) => [day, count]))
  const days = lastDays().map((label) => ({ label, value: counts.get(label) ?? 0 }))
  const total = signUpsByDay.reduce((sum, { count }) => sum + count, 0)
  const most = Math.max(0, ...signUpsByDay.map(({ count }) => count))
  const said = `${grouped(total)} in the last ${DAYS} days, at most ${grouped(most)} on one day`
  return html`<h2>Sign-ups by day</h2>
<p>${said}. Days are UTC; accounts deleted since are included, seeded ones are not.</p>
<figure class="panel">${barChart(`Sign-ups by day: ${said}`, days)}
<figcaption class="ends"><span>${day(days[0]?.label ?? '')}</span><span>today</span></figcaption></figure>
${
  signUpsByDay.length > 0 &&
  html`<details><summary>The days with sign-ups</summary>
${table(
  'Days with sign-ups',
  ['Day', 'Sign-ups'],
  signUpsByDay.map((each) => row(day(each.day), grouped(each.count))),
)}</details>`
}`
}

function countedHere({ process, viewsByPage, queryTimes }: Statistics): Html {
  const names = [...new Set([...Object.keys(viewsByPage), ...Object.keys(queryTimes)])].sort(
    (one, other) => (viewsByPage[other] ?? 0) - (viewsByPage[one] ?? 0) || (one < other ? -1 : 1),
  )
  return html`<h2>Views and queries by page</h2>
<p><i>Mean</i> is the mean time of a query. The process <code>${process.instanceId}</code> has counted these since ${inWords(process.since)}. <code>none</code> is work outside any page. The dashboards show the same for its <code>service.instance.id</code>.</p>
${
  names.length === 0
    ? html`<p>Metrics are off, so nothing is counted.</p>`
    : table(
        'Views and queries by page',
        ['Page', 'Views', 'Queries', 'Mean'],
        names.map((name) => {
          const { count = 0, meanSeconds } = queryTimes[name] ?? {}
          const mean = meanSeconds === undefined ? '' : `${(meanSeconds * 1000).toPrecision(3)} ms`
          return row(name, grouped(viewsByPage[name] ?? 0), grouped(count), mean)
        }),
      )
}`
}

/** Wider than a narrow screen, it scrolls, by keys too (WCAG 2.1.1). All columns but the first are numbers. */
function table(name: string, [first = '', ...others]: readonly string[], rows: readonly Html[]): Html {
  return html`<div class="scroll" role="region" aria-label="${name}" tabindex="0"><table>
<thead><tr><th>${first}</th>${others.map((head) => html`<th class="number">${head}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>`
}

function row(what: string | Html, ...numbers: readonly string[]): Html {
  return html`<tr><th scope="row">${what}</th>${numbers.map((number) => html`<td class="number">${number}</td>`)}</tr>`
}

function grouped(count: number): string {
  return count.toLocaleString('en')
}

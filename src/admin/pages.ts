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
    main: html`<div class="scroll"><table>
<thead><tr><th>What</th><th class="number">Count</th></tr></thead>
<tbody>${[
      ['Members', statistics.members],
      ['Sessions', statistics.sessions],
      ['Friendships', statistics.friendships],
      ['Polls', statistics.polls],
      ['Votes', statistics.votes],
    ].map(
      ([what, count]) => html`<tr><td>${what}</td><td class="number">${grouped(Number(count))}</td></tr>`,
    )}</tbody>
</table></div>
${votesByPoll(statistics)}
${signUps(statistics)}
${countedHere(statistics)}`,
  }
}

function votesByPoll({ votesByPoll }: Statistics): Html | undefined {
  if (votesByPoll.length === 0) return undefined
  return html`<h2>Votes by poll</h2>
<div class="scroll"><table>
<thead><tr><th>Poll</th><th class="number">Votes</th></tr></thead>
<tbody>${votesByPoll.map(({ pollId, question, votes }) => html`<tr><td><a href="/app/polls/${pollId}">${question}</a></td><td class="number">${grouped(votes)}</td></tr>`)}</tbody>
</table></div>`
}

function signUps({ signUpsByDay }: Statistics): Html {
  const counts = new Map(signUpsByDay.map(({ day, count }) => [day, count]))
  const days = lastDays().map((label) => ({ label, value: counts.get(label) ?? 0 }))
  const total = signUpsByDay.reduce((sum, { count }) => sum + count, 0)
  const most = Math.max(0, ...signUpsByDay.map(({ count }) => count))
  const said = `${grouped(total)} in the last ${DAYS} days, at most ${grouped(most)} on one day`
  return html`<h2>Sign-ups by day</h2>
<p>${said}. Days are UTC; seeded accounts are not counted.</p>
<figure class="panel">${barChart(`Sign-ups by day: ${said}`, days)}
<figcaption class="ends"><span>${day(days[0]?.label ?? '')}</span><span>today</span></figcaption></figure>
${
  signUpsByDay.length > 0 &&
  html`<details><summary>The days with sign-ups</summary>
<div class="scroll"><table>
<thead><tr><th>Day</th><th class="number">Sign-ups</th></tr></thead>
<tbody>${signUpsByDay.map((each) => html`<tr><td>${day(each.day)}</td><td class="number">${grouped(each.count)}</td></tr>`)}</tbody>
</table></div></details>`
}`
}

function countedHere({ process, viewsByPage, queryTimes }: Statistics): Html {
  const names = [...new Set([...Object.keys(viewsByPage), ...Object.keys(queryTimes)])].sort(
    (one, other) => (viewsByPage[other] ?? 0) - (viewsByPage[one] ?? 0) || (one < other ? -1 : 1),
  )
  return html`<h2>Views and queries by page</h2>
<p>The mean is that of the time of a query. Counted by the process <code>${process.instanceId}</code> since ${inWords(process.since)}. The dashboards show the same for its <code>service.instance.id</code>.</p>
${
  names.length === 0
    ? html`<p>Metrics are off, so nothing is counted.</p>`
    : html`<div class="scroll"><table>
<thead><tr><th>Page</th><th class="number">Views</th><th class="number">Queries</th><th class="number">Mean</th></tr></thead>
<tbody>${names.map((name) => {
        const { count = 0, meanSeconds } = queryTimes[name] ?? {}
        return html`<tr><th scope="row">${name}</th><td class="number">${grouped(viewsByPage[name] ?? 0)}</td><td class="number">${grouped(count)}</td><td class="number">${meanSeconds !== undefined && `${(meanSeconds * 1000).toPrecision(3)} ms`}</td></tr>`
      })}</tbody>
</table></div>`
}`
}

function grouped(count: number): string {
  return count.toLocaleString('en')
}

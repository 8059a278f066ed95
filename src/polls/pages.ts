import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Database } from '../db/database.ts'
import { type Again, NoFields, postButton, refusalNote } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { pageLinks } from '../html/page-links.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { pageOf } from '../http/paging.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { aboutPoll, POLLS, pollPath, pollRow } from './poll-html.ts'
import { byPollId } from './poll-id.ts'
import { pollCursors } from './poll-paging.ts'
import { getPoll, listPolls } from './poll-queries.ts'
import { stateOf } from './poll-views.ts'
import { getResults, type PollResults, retractVote, showsResults, vote } from './votes.ts'

const ROWS = 50

/** Polls, votes and results for people. */
export const pollPages: FastifyPluginAsyncTypebox<{ db: Database }> = async (pages, { db }) => {
  const onRequest = pages.requireSession

  pages.get(
    POLLS,
    {
      config: { page: 'polls' },
      schema: { querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 4096 })) }) },
      onRequest,
    },
    async (request, reply) => {
      const { id: memberId, isAdministrator } = memberOf(request)
      const { position, cursorAfter } = pollCursors('polls', memberId, request.query.cursor)
      const found = await listPolls(db, { memberId, drafts: false }, position, ROWS + 1)
      const { shown, nextCursor } = pageOf(found, ROWS, cursorAfter)
      const now = Date.now()
      return showPage(request, reply, {
        title: 'Polls',
        main: html`${isAdministrator && html`<p class="actions"><a class="button" href="/app/admin/polls/new">New poll</a> <a class="button quiet" href="/app/admin/polls">All polls, with drafts</a></p>`}
${
  shown.length > 0
    ? html`<ul class="rows">${shown.map((poll) => pollRow(poll, pollPath(poll), now))}</ul>`
    : html`<p>There is no poll${position.isClosed ? ' left' : ' yet'}.</p>`
}
${pageLinks(request, nextCursor, { of: 'polls' })}`,
      })
    },
  )

  async function pollView(again: Again, request: FastifyRequest): Promise<View> {
    const viewer = memberOf(request)
    const { id } = request.params as { id: number }
    const poll = await getPoll(db, viewer, id)
    const now = Date.now()
    const isOpen = stateOf(poll, now) === 'open'
    const path = pollPath(poll)
    const chosen = Number(again.typed?.choiceId ?? poll.my_vote)
    const choices = html`<form method="post" action="${path}/vote" class="card">
<fieldset id="choiceId" tabindex="-1"><legend>Your vote</legend>
${poll.choices.map(
  (choice) =>
    html`<label class="choice"><input type="radio" name="choiceId" value="${choice.id}" required ${choice.id === chosen && html`checked`}> ${choice.text}</label>`,
)}
</fieldset>
<button>${poll.my_vote === null ? 'Vote' : 'Change my vote'}</button>
</form>`
    return {
      title: poll.question,
      main: html`${aboutPoll(poll, viewer, now)}
${refusalNote(again)}
${isOpen ? choices : html`<ul>${poll.choices.map(({ text }) => html`<li>${text}</li>`)}</ul>`}
<div class="actions">${showsResults(poll, viewer, now) && html`<a class="button quiet" href="${path}/results">Results</a>`}
${isOpen && poll.my_vote !== null && postButton(`${path}/vote/retract`, 'Take my vote back', { style: 'danger' })}</div>
${isOpen && !showsResults(poll, viewer, now) && html`<p class="muted">${poll.results_shown === 'after-vote' ? 'You see the results when you have voted.' : 'The results are shown when the poll is closed.'}</p>`}`,
    }
  }

  pages.get(
    `${POLLS}/:id`,
    { config: { page: 'vote' }, schema: { params: byPollId }, onRequest },
    async (request, reply) => showPage(request, reply, await pollView({}, request)),
  )

  pages.post(
    `${POLLS}/:id/vote`,
    {
      config: { page: 'vote', form: pollView },
      schema: {
        params: byPollId,
        body: Type.Object(
          { choiceId: Type.String({ pattern: '^[1-9][0-9]{0,14}$' }) },
          { additionalProperties: false },
        ),
      },
      onRequest,
    },
    async (request, reply) => {
      const viewer = memberOf(request)
      const { id } = request.params
      await vote(db, viewer, id, Number(request.body.choiceId))
      const poll = await getPoll(db, viewer, id)
      return seeOther(
        reply,
        showsResults(poll, viewer, Date.now()) ? `${pollPath(poll)}/results` : pollPath(poll),
      )
    },
  )

  pages.post(
    `${POLLS}/:id/vote/retract`,
    { config: { page: 'vote', form: pollView }, schema: { params: byPollId, body: NoFields }, onRequest },
    async (request, reply) => {
      await retractVote(db, memberOf(request), request.params.id)
      return seeOther(reply, `${POLLS}/${request.params.id}`)
    },
  )

  pages.get(
    `${POLLS}/:id/results`,
    { config: { page: 'results', form: pollView }, schema: { params: byPollId }, onRequest },
    async (request, reply) => {
      const viewer = memberOf(request)
      const { id } = request.params
      const results = await getResults(db, viewer, id)
      const poll = await getPoll(db, viewer, id)
      const now = Date.now()
      const isOpen = stateOf(poll, now) === 'open'
      return showPage(request, reply, {
        title: poll.question,
        main: html`${aboutPoll(poll, viewer, now)}
${bars(results, poll.my_vote)}
<p class="muted">${results.total === 1 ? '1 vote' : `${results.total} votes`}${isOpen && ' so far'}.</p>
<div class="actions">${isOpen && html`<a class="button quiet" href="${pollPath(poll)}">${poll.my_vote === null ? 'Vote' : 'Change my vote'}</a>`}</div>`,
      })
    },
  )
}

/** One bar for each choice. Its length is an attribute, because the policy of pages forbids styles in the markup. */
function bars({ total, choices }: PollResults, myVote: number | null): Html {
  return html`<ul class="results">${choices.map(({ id, text, votes }) => {
    const percent = total === 0 ? 0 : Math.round((1000 * votes) / total) / 10
    return html`
<li><span>${text}${id === myVote && html` <span class="tag">your vote</span>`}</span> <span class="number">${votes} <span class="muted">(${percent} %)</span></span>
<svg viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="2"/><rect width="${percent}" height="2"/></svg></li>`
  })}
</ul>`
}

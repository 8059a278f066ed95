import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { type Again, field, NoFields, postButton, refusalNote } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { pageLinks } from '../html/page-links.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { pageOf } from '../http/paging.ts'
import { timestamp } from '../http/timestamp.ts'
import { requireAdministrator } from '../sessions/administrator.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { ADMIN_POLLS, aboutPoll, pollPath, pollRow } from './poll-html.ts'
import { byPollId } from './poll-id.ts'
import {
  CHOICES_MAX,
  CHOICES_MIN,
  DESCRIPTION_MAX,
  parseNewPoll,
  parsePoll,
  QUESTION_MAX,
  type TypedPoll,
} from './poll-input.ts'
import { pollCursors } from './poll-paging.ts'
import { getPoll, listPolls } from './poll-queries.ts'
import { createPoll, deletePoll, editPoll, hasVotes } from './poll-store.ts'
import { NEVER, type PollRow, ResultsShown, stateOf } from './poll-views.ts'

const ROWS = 50

/** Twenty choices of a script that takes nine characters a letter in a form, and a long description. */
const FORM_MAX_BYTES = 64 * 1024

const Text = Type.String({ maxLength: 20_000 })
const Draft = Type.Optional(Type.Literal('on'))
const NewPoll = Type.Object(
  {
    question: Text,
    description: Text,
    choices: Text,
    opensAt: Text,
    closesAt: Text,
    resultsShown: ResultsShown,
    draft: Draft,
  },
  { additionalProperties: false },
)
/** A field that is missing cannot change any more. */
const EditedPoll = Type.Partial(NewPoll, { additionalProperties: false })

/** Polls for administrators: all of them, new ones, and what can become of one. */
export const pollAdminPages: FastifyPluginAsyncTypebox<{ db: Database; config: Config }> = async (
  pages,
  { db, config },
) => {
  const page = 'admin'
  const onRequest = [pages.requireSession, requireAdministrator]
  const editorOf = (request: FastifyRequest) => ({
    memberId: memberOf(request).id,
    openPollsMax: config.openPollsMax,
  })
  const pollOf = (request: FastifyRequest) =>
    getPoll(db, memberOf(request), (request.params as { id: number }).id)

  pages.get(
    ADMIN_POLLS,
    {
      config: { page },
      schema: { querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 4096 })) }) },
      onRequest,
    },
    async (request, reply) => {
      const { id: memberId } = memberOf(request)
      const { position, cursorAfter } = pollCursors('admin polls', memberId, request.query.cursor)
      const found = await listPolls(db, { memberId, drafts: true }, position, ROWS + 1)
      const { shown, nextCursor } = pageOf(found, ROWS, cursorAfter)
      const now = Date.now()
      return showPage(request, reply, {
        title: 'All polls',
        main: html`<p><a href="/app/admin">Administration</a></p>
<p class="actions"><a class="button" href="${ADMIN_POLLS}/new">New poll</a></p>
${
  shown.length > 0
    ? html`<ul class="rows">${shown.map((poll) => pollRow(poll, `${ADMIN_POLLS}/${poll.id}`, now))}</ul>`
    : html`<p>There is no poll yet.</p>`
}
${pageLinks(request, nextCursor, { of: 'polls' })}`,
      })
    },
  )

  pages.get(`${ADMIN_POLLS}/new`, { config: { page }, onRequest }, async (request, reply) =>
    showPage(request, reply, newView({})),
  )

  pages.post(
    ADMIN_POLLS,
    {
      bodyLimit: FORM_MAX_BYTES,
      config: { page, form: newView },
      schema: { body: NewPoll },
      onRequest,
    },
    async (request, reply) => {
      const typed = { ...read(request.body), draft: request.body.draft === 'on' }
      const { question = '', choices = [] } = typed
      const poll = await createPoll(db, editorOf(request), parseNewPoll({ ...typed, question, choices }))
      return seeOther(reply, pollPath(poll))
    },
  )

  const editView = async (again: Again, request: FastifyRequest): Promise<View> => {
    const poll = await pollOf(request)
    return viewOf(poll, { again, isFixed: await hasVotes(db, poll.id), request })
  }

  pages.get(
    `${ADMIN_POLLS}/:id`,
    { config: { page }, schema: { params: byPollId }, onRequest },
    async (request, reply) => showPage(request, reply, await editView({}, request)),
  )

  pages.post(
    `${ADMIN_POLLS}/:id`,
    {
      bodyLimit: FORM_MAX_BYTES,
      config: { page, form: editView },
      schema: { params: byPollId, body: EditedPoll },
      onRequest,
    },
    async (request, reply) => {
      const poll = await pollOf(request)
      await editPoll(db, editorOf(request), poll.id, parsePoll(withoutSame(read(request.body), poll)))
      return seeOther(reply, pollPath(poll))
    },
  )

  for (const [name, change] of [
    ['publish', { draft: false }],
    ['withdraw', { draft: true }],
    ['close', { closesAt: timestamp(0) }],
  ] as const)
    pages.post(
      `${ADMIN_POLLS}/:id/${name}`,
      { config: { page, form: editView }, schema: { params: byPollId, body: NoFields }, onRequest },
      async (request, reply) => {
        const poll = await editPoll(db, editorOf(request), request.params.id, parsePoll(change))
        return seeOther(reply, pollPath(poll))
      },
    )

  pages.get(
    `${ADMIN_POLLS}/:id/delete`,
    { config: { page }, schema: { params: byPollId }, onRequest },
    async (request, reply) => {
      const poll = await pollOf(request)
      return showPage(request, reply, {
        title: 'Delete this poll?',
        main: html`<p><strong>${poll.question}</strong></p>
<p>${(await hasVotes(db, poll.id)) ? 'Its votes are deleted with it.' : 'Nobody has voted.'} Nothing brings it back.</p>
<div class="actions">${postButton(`${ADMIN_POLLS}/${poll.id}/delete`, 'Delete', { style: 'danger' })} <a class="button quiet" href="${ADMIN_POLLS}/${poll.id}">Keep it</a></div>`,
      })
    },
  )

  pages.post(
    `${ADMIN_POLLS}/:id/delete`,
    { config: { page }, schema: { params: byPollId, body: NoFields }, onRequest },
    async (request, reply) => {
      await deletePoll(db, request.params.id)
      return seeOther(reply, ADMIN_POLLS)
    },
  )
}

function newView(again: Again): View {
  const isDraft = again.typed?.draft === 'on'
  return {
    title: 'New poll',
    main: html`<p><a href="${ADMIN_POLLS}">All polls</a></p>
${refusalNote(again)}
<form method="post" action="${ADMIN_POLLS}" class="card">
${fields(again)}
${resultsField(again)}
<p><label class="choice"><input type="checkbox" name="draft" ${isDraft && html`checked`}> Keep it as a draft</label></p>
<button>Create</button>
</form>`,
  }
}

interface Editing {
  again: Again
  /** It has votes. */
  isFixed: boolean
  request: FastifyRequest
}

function viewOf(poll: PollRow, { again, isFixed, request }: Editing): View {
  const now = Date.now()
  const state = stateOf(poll, now)
  const path = `${ADMIN_POLLS}/${poll.id}`
  return {
    title: poll.question,
    main: html`<p><a href="${ADMIN_POLLS}">All polls</a> · <a href="${pollPath(poll)}">As members see it</a></p>
${aboutPoll({ ...poll, description: null }, { ...memberOf(request), isAdministrator: false }, now)}
<div class="actions">
${poll.is_draft === 1 && postButton(`${path}/publish`, 'Publish')}
${poll.is_draft === 0 && !isFixed && postButton(`${path}/withdraw`, 'Make it a draft', { style: 'quiet' })}
${state === 'open' && postButton(`${path}/close`, 'Close now', { style: 'quiet' })}
<a class="button danger" href="${path}/delete">Delete…</a>
</div>
<h2>Edit</h2>
${refusalNote(again)}
<form method="post" action="${path}" class="card">
${isFixed && html`<p class="hint">It has votes: its question, choices and opening stay as they are.</p>`}
${fields(again, poll, isFixed)}
${!(isFixed && poll.results_shown === 'after-close' && state !== 'closed') && resultsField(again, poll)}
<button>Save</button>
</form>`,
  }
}

/** `isFixed` leaves out what cannot change after the first vote. */
function fields(again: Again, poll?: PollRow, isFixed = false): Html {
  return html`${
    !isFixed &&
    html`${field({ name: 'question', label: 'Question', value: poll?.question ?? null, attributes: html`maxlength="${QUESTION_MAX}"` }, again)}
${field({ name: 'choices', label: 'Choices', rows: 5, hint: `${CHOICES_MIN} to ${CHOICES_MAX}, each on a line of its own.`, value: poll?.choices.map(({ text }) => text).join('\n') ?? null }, again)}`
  }
${field({ name: 'description', label: 'Description', rows: 3, isOptional: true, value: poll?.description ?? null, attributes: html`maxlength="${DESCRIPTION_MAX}"` }, again)}
${!isFixed && field({ name: 'opensAt', label: 'Opens at', type: 'datetime-local', hint: 'In UTC; a time that has passed means now.', isOptional: true, value: poll ? localTime(poll.opens_at) : null }, again)}
${field({ name: 'closesAt', label: 'Closes at', type: 'datetime-local', hint: 'In UTC; empty for never.', isOptional: true, value: poll ? localTime(poll.closes_at) : null }, again)}`
}

function resultsField(again: Again, poll?: PollRow): Html {
  const chosen = again.typed?.resultsShown ?? poll?.results_shown
  return html`<div class="field"><label for="resultsShown">Members see the results</label>
<select id="resultsShown" name="resultsShown">
<option value="after-vote">when they have voted</option>
<option value="after-close" ${chosen === 'after-close' && html`selected`}>when it is closed</option>
</select></div>`
}

/** As a field of a form has it: in minutes, without a zone. Empty for a poll that never closes. */
function localTime(ms: number): string {
  return ms === NEVER ? '' : timestamp(ms).slice(0, 'YYYY-MM-DDTHH:MM'.length)
}

/** The form's texts as the API would send them. */
function read(typed: Static<typeof EditedPoll>): TypedPoll {
  const { question, description, choices, opensAt, closesAt, resultsShown } = typed
  return {
    question,
    description: description === undefined || description.trim() !== '' ? description : null,
    choices: choices?.split('\n').filter((line) => line.trim() !== ''),
    opensAt: opensAt === '' ? undefined : withZone(opensAt),
    closesAt: closesAt === '' ? null : withZone(closesAt),
    resultsShown,
  }
}

function withZone(text: string | undefined): string | undefined {
  return text === undefined ? undefined : `${text}Z`
}

/** The form has no seconds: a time that nobody touched must not move. */
function withoutSame(typed: TypedPoll, poll: PollRow): TypedPoll {
  const isSame = (text: string | null | undefined, ms: number) => text === withZone(localTime(ms))
  return {
    ...typed,
    opensAt: isSame(typed.opensAt, poll.opens_at) ? undefined : typed.opensAt,
    closesAt: isSame(typed.closesAt, poll.closes_at) ? undefined : typed.closesAt,
  }
}

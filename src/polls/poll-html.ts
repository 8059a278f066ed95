import { type Html, html } from '../html/html.ts'
import { time } from '../html/time.ts'
import { timestamp } from '../http/timestamp.ts'
import type { Viewer } from './poll-queries.ts'
import { NEVER, type PollRow, stateOf } from './poll-views.ts'

export const POLLS = '/app/polls'
export const ADMIN_POLLS = '/app/admin/polls'

export const pollPath = ({ id }: { id: number }) => `${POLLS}/${id}`

/** A poll in a list. */
export function pollRow(poll: PollRow, path: string, now: number, more?: Html): Html {
  return html`
<li><span><a href="${path}">${poll.question}</a> ${stateTag(poll, now)}${poll.my_vote !== null && html` <span class="tag">voted</span>`}</span> <span class="muted">${when(poll, now)}</span>${more}</li>`
}

/** What stands above a poll and above its results. */
export function aboutPoll(poll: PollRow, viewer: Viewer, now: number): Html {
  return html`<p>${stateTag(poll, now)} <span class="muted">${when(poll, now)}</span></p>
${poll.description !== null && html`<p class="lines">${poll.description}</p>`}
${viewer.isAdministrator && html`<p class="actions"><a class="button quiet" href="${ADMIN_POLLS}/${poll.id}">Edit</a></p>`}`
}

export function stateTag(poll: PollRow, now: number): Html {
  const state = stateOf(poll, now)
  return html`<span class="tag ${state}">${state === 'draft' && poll.is_draft === 0 ? 'not open yet' : state}</span>`
}

function when(poll: PollRow, now: number): Html {
  const at = (ms: number) => time(timestamp(ms))
  const state = stateOf(poll, now)
  if (state === 'closed') return html`closed on ${at(poll.closes_at)}`
  const opens = state === 'draft' && poll.opens_at > now && html`opens on ${at(poll.opens_at)}`
  const closes = poll.closes_at !== NEVER && html`closes on ${at(poll.closes_at)}`
  return html`${opens}${opens && closes && ', '}${closes}`
}

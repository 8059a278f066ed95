import { setImmediate } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { type InputError, Problem } from '../errors.ts'
import type { NewPoll, PollChange } from './poll-input.ts'
import { findPoll, unknownPoll } from './poll-queries.ts'
import { NEVER, type PollRow, stateOf } from './poll-views.ts'

interface Editor {
  readonly memberId: number
  /** Most polls that are not closed. */
  readonly openPollsMax: number
}

/**
 * A new poll. It opens now unless it is a draft or opens later; an opening time that has passed means now. Throws
 * `invalid` (422), and `too-many-open-polls` (409) with `max`.
 */
export async function createPoll(
  db: Database,
  { memberId, openPollsMax }: Editor,
  { question, choices, ...input }: NewPoll,
): Promise<PollRow> {
  return db.transaction().execute(async (tx) => {
    const now = Date.now()
    const opensAt = Math.max(now, input.opensAt ?? now)
    const closesAt = input.closesAt ?? NEVER
    if (closesAt <= opensAt) throw closesTooEarly()
    await refuseTooManyOpen(tx, openPollsMax, now)
    const { id } = await tx
      .insertInto('polls')
      .values({
        question,
        description: input.description ?? null,
        opens_at: opensAt,
        closes_at: closesAt,
        is_draft: input.draft ? 1 : 0,
        results_shown: input.resultsShown ?? 'after-vote',
        created_at: now,
        seed_number: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await insertChoices(tx, id, choices, 0)
    return (await findPoll(tx, memberId, id)) as PollRow
  })
}

/**
 * Before the first vote everything can change; afterwards only what takes nothing from those who voted. A closing time
 * that has passed closes an open poll now. Throws `not-found` (404), `invalid` (422), `poll-has-votes` (409) with the
 * fields that cannot change, and `too-many-open-polls` (409) with `max`.
 */
export async function editPoll(
  db: Database,
  { memberId, openPollsMax }: Editor,
  id: number,
  change: PollChange,
): Promise<PollRow> {
  return db.transaction().execute(async (tx) => {
    const now = Date.now()
    const poll = await findPoll(tx, memberId, id)
    if (poll === undefined) throw unknownPoll()
    const next = changed(poll, change, now)
    const choices = change.choices ?? poll.choices.map(({ text }) => text)
    if (await hasVotes(tx, id)) refuseToBreakVotes(poll, next, choices, now)
    if (next.closes_at > now && poll.closes_at <= now) await refuseTooManyOpen(tx, openPollsMax, now)
    await tx.updateTable('polls').set(next).where('id', '=', id).execute()
    await replaceChoices(tx, poll, choices)
    return (await findPoll(tx, memberId, id)) as PollRow
  })
}

type PollColumns = Pick<
  PollRow,
  'question' | 'description' | 'opens_at' | 'closes_at' | 'is_draft' | 'results_shown'
>

/** The poll with the change. Throws `invalid` (422) if it would close before it opens. */
function changed(poll: PollRow, change: PollChange, now: number): PollColumns {
  const is_draft = change.draft === undefined ? poll.is_draft : change.draft ? 1 : 0
  const isPublished = poll.is_draft === 1 && is_draft === 0
  const isMoved = change.opensAt !== undefined && change.opensAt !== poll.opens_at
  const asked = change.opensAt ?? poll.opens_at
  const opens_at = isPublished || isMoved ? Math.max(now, asked) : asked
  const staysOpened = stateOf(poll, now) !== 'draft' && is_draft === 0 && opens_at <= now
  const closes_at = closingTime(poll, change, staysOpened, now)
  if (!staysOpened && closes_at <= opens_at) throw closesTooEarly()
  return {
    question: change.question ?? poll.question,
    description: change.description === undefined ? poll.description : change.description,
    opens_at,
    closes_at,
    is_draft,
    results_shown: change.resultsShown ?? poll.results_shown,
  }
}

function closingTime(poll: PollRow, change: PollChange, isOpened: boolean, now: number): number {
  if (change.closesAt === undefined) return poll.closes_at
  const asked = change.closesAt ?? NEVER
  // A poll that is closed keeps the time at which it closed.
  return isOpened && asked <= now ? Math.min(poll.closes_at, now) : asked
}

function closesTooEarly(): Problem {
  return new Problem('invalid', 'A poll closes after it opens.', {
    errors: [{ pointer: '#/closesAt', detail: 'must be later than the opening, and in the future' }],
  })
}

/** From the first row of the primary key. */
export async function hasVotes(tx: Database, pollId: number): Promise<boolean> {
  const vote = await tx
    .selectFrom('votes')
    .select('user_id')
    .where('poll_id', '=', pollId)
    .limit(1)
    .executeTakeFirst()
  return vote !== undefined
}

/** Nobody's vote may come to stand for something else, and no result may show that was promised to stay hidden. */
function refuseToBreakVotes(poll: PollRow, next: PollColumns, choices: readonly string[], now: number): void {
  const isClosed = stateOf(poll, now) === 'closed'
  const breaks: Record<string, boolean> = {
    question: next.question !== poll.question,
    choices: !hasTexts(poll, choices),
    opensAt: next.opens_at !== poll.opens_at,
    draft: next.is_draft !== poll.is_draft,
    closesAt: isClosed && next.closes_at > now,
    resultsShown: !isClosed && poll.results_shown === 'after-close' && next.results_shown === 'after-vote',
  }
  const fields = Object.keys(breaks).filter((field) => breaks[field])
  if (fields.length === 0) return
  throw new Problem(
    'poll-has-votes',
    'After the first vote a poll keeps its question, choices and opening; it can be closed and not be opened again, and hidden results stay hidden until it closes.',
    {
      errors: fields.map(
        (field): InputError => ({ pointer: `#/${field}`, detail: 'cannot change any more' }),
      ),
    },
  )
}

function hasTexts(poll: PollRow, texts: readonly string[]): boolean {
  return (
    poll.choices.length === texts.length && poll.choices.every(({ text }, index) => text === texts[index])
  )
}

async function refuseTooManyOpen(tx: Database, max: number, now: number): Promise<void> {
  const { open } = await tx
    .selectFrom('polls')
    .select(({ fn }) => fn.countAll<number>().as('open'))
    .where('closes_at', '>', now)
    .executeTakeFirstOrThrow()
  if (open >= max)
    throw new Problem('too-many-open-polls', 'Close or delete a poll first; drafts count too.', {
      extensions: { max },
    })
}

/** A choice keeps its id as long as there is one at its place. */
async function replaceChoices(tx: Database, poll: PollRow, texts: readonly string[]): Promise<void> {
  const { choices } = poll
  for (const [position, { id, text }] of choices.slice(0, texts.length).entries())
    if (texts[position] !== text)
      await tx
        .updateTable('poll_choices')
        .set({ text: texts[position] as string })
        .where('id', '=', id)
        .execute()
  if (choices.length > texts.length)
    await tx
      .deleteFrom('poll_choices')
      .where('poll_id', '=', poll.id)
      .where('position', '>=', texts.length)
      .execute()
  if (texts.length > choices.length)
    await insertChoices(tx, poll.id, texts.slice(choices.length), choices.length)
}

async function insertChoices(
  tx: Database,
  pollId: number,
  texts: readonly string[],
  firstPosition: number,
): Promise<void> {
  for (const [index, text] of texts.entries())
    await tx
      .insertInto('poll_choices')
      .values({ poll_id: pollId, position: firstPosition + index, text })
      .execute()
}

/** Votes that are deleted in one statement: 10 ms, where a million take 3 s in which nobody else is served. */
const DELETED_AT_ONCE = 2000

/**
 * Deletes the poll with its choices and votes. It is a draft from the first moment, so that nobody votes meanwhile; if
 * the deletion is cut off, it is a draft that can be deleted again. Throws `not-found` (404).
 */
export async function deletePoll(db: Database, id: number): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('polls')
    .set({ is_draft: 1 })
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) throw unknownPoll()
  while ((await deleteSomeVotes(db, id)) === DELETED_AT_ONCE) await setImmediate()
  await db.deleteFrom('polls').where('id', '=', id).execute()
}

async function deleteSomeVotes(db: Database, pollId: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('votes')
    .where('poll_id', '=', pollId)
    .where('user_id', 'in', (some) =>
      some
        .selectFrom('votes')
        .select('user_id')
        .where('poll_id', '=', pollId)
        .orderBy('user_id')
        .limit(DELETED_AT_ONCE),
    )
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

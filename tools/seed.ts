import { randomBytes } from 'node:crypto'
import { hash } from 'argon2'
import type { Database } from '../src/db/database.ts'
import { ARGON2_OPTIONS } from '../src/passwords/password-hasher.ts'
import { parsePassword } from '../src/passwords/password-policy.ts'
import {
  type Command,
  CommandError,
  integer,
  required,
  runCommand,
  text,
  type Values,
} from '../src/process/command.ts'
import { inDatabase } from './in-database.ts'
import { formatCount, Progress } from './progress.ts'
import { keepFeeds, MOST_FEEDS, subscribe, unsubscribe } from './seeding/seeded-feeds.ts'
import { befriend, type Circle, canClose, countEdges, prune, unblock } from './seeding/seeded-friends.ts'
import { countVotesAbove, fillPolls, OPEN_POLLS, removeVotesAbove } from './seeding/seeded-polls.ts'
import { countSeeded, removeAbove } from './seeding/seeded-rows.ts'
import { DEMO_EMAIL, fill, removeSeedPassword, setSeedPassword } from './seeding/seeded-users.ts'
import {
  addVotes,
  type Ballot,
  ballotOf,
  type Electorate,
  mostVotes,
  removeVotes,
  turnouts,
} from './seeding/seeded-votes.ts'
import { inShortTransactions, overRange } from './seeding/short-transactions.ts'

const OPTIONS = {
  users: required(integer('N', [0, 10_000_000], 'number of seeded accounts')),
  friends: integer('K', [0, 10_000], 'friends of each among them; unchanged if left out'),
  polls: integer(
    'P',
    [0, 10_000],
    `number of seeded polls, of which the newest ${OPEN_POLLS} are open; unchanged if left out`,
  ),
  votes: integer('M', [0, 1_000_000_000], 'votes of seeded accounts in them; unchanged if left out'),
  feeds: integer(
    'F',
    [0, MOST_FEEDS],
    'feeds of each account, whose news is in the database; unchanged if left out',
  ),
  password: text('TEXT', 'password of all seeded accounts; a random one if left out'),
}

const seed: Command<typeof OPTIONS> = {
  name: 'npm run seed',
  summary: [
    'Makes the seeded part of the tables exactly N accounts with K friends and F feeds each, and P polls with M votes,',
    'adding or removing. Real accounts and polls are never touched.',
    'Works beside a running service, may be interrupted at any time and repeated.',
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(seed)

async function run(options: Values<typeof OPTIONS>, signal: AbortSignal): Promise<void> {
  const circle = circleOf(options)
  const password = await readPassword(options.password)
  await inDatabase(async (db) => {
    const electorate = { users: options.users, polls: options.polls ?? (await countSeeded(db, 'polls')) }
    checkVotes(electorate, options.votes)
    await removeUsers(db, options.users, signal)
    await addUsers(db, options.users, signal)
    if (circle) await makeFriends(db, circle, signal)
    if (options.polls !== undefined) await makePolls(db, options.polls, signal)
    if (options.votes !== undefined) await makeVotes(db, electorate, options.votes, signal)
    if (options.feeds !== undefined) await makeFeeds(db, options.users, options.feeds, signal)
    await finish(db, options.users, password)
  })
}

function circleOf({ users, friends }: Values<typeof OPTIONS>): Circle | undefined {
  if (friends === undefined) return undefined
  const circle = { users, friends }
  if (canClose(circle)) return circle
  const rule = friends >= users ? `at most ${Math.max(0, users - 1)}` : 'an even number'
  throw new CommandError(
    `${formatCount(users)} users cannot have ${formatCount(friends)} friends each among them; give --friends ${rule}.`,
  )
}

function checkVotes(electorate: Electorate, votes = 0): void {
  const most = mostVotes(electorate)
  if (votes <= most) return
  const { users, polls } = electorate
  throw new CommandError(
    `${formatCount(users)} users cannot give ${formatCount(votes)} votes in ${formatCount(polls)} seeded polls, one in each; ` +
      `give --votes at most ${formatCount(most)}, or more --users or --polls.`,
  )
}

async function readPassword(text: string | undefined): Promise<string> {
  // Hexadecimal, because people type it as an option's value, and base64url may begin with a dash.
  if (text === undefined) return randomBytes(15).toString('hex')
  const parsed = await parsePassword(text)
  if (parsed.ok) return parsed.value
  throw new CommandError(`--password ${parsed.detail}; choose another one.`)
}

async function removeUsers(db: Database, keep: number, signal: AbortSignal): Promise<void> {
  const surplus = await countSeeded(db, 'users', keep)
  if (surplus === 0) return
  const progress = new Progress('removing users', surplus)
  const step = (tx: Database, size: number) => removeAbove(tx, 'users', keep, size)
  await inShortTransactions(db, signal, step, (done) => progress.advance(done))
  progress.end()
}

async function addUsers(db: Database, users: number, signal: AbortSignal): Promise<void> {
  const missing = users - (await countSeeded(db, 'users'))
  if (missing === 0) return
  const progress = new Progress('adding users', missing)
  const step = (tx: Database, from: number, to: number) => fill(tx, from, to, Date.now())
  await overRange(db, signal, [1, users], step, (done) => progress.advance(done))
  progress.end()
}

/** No account may have too many friends at the end, so surplus friendships end first. */
async function makeFriends(db: Database, circle: Circle, signal: AbortSignal): Promise<void> {
  const looking = new Progress('looking for friendships to end', circle.users)
  let ended = 0
  const clear = async (tx: Database, from: number, to: number) => {
    await unblock(tx, circle, from, to)
    ended += await prune(tx, circle, from, to)
    return to - from + 1
  }
  await overRange(db, signal, [1, circle.users], clear, (done) => looking.advance(done))
  looking.end()

  const edges = countEdges(circle)
  const befriending = new Progress('adding friendships', edges)
  let added = 0
  const add = async (tx: Database, from: number, to: number) => {
    added += await befriend(tx, circle, from, to, Date.now())
    return to - from + 1
  }
  await overRange(db, signal, [0, edges - 1], add, (done) => befriending.advance(done))
  befriending.end()
  process.stdout.write(`${formatCount(added)} friendships added, ${formatCount(ended)} ended.\n`)
}

async function makePolls(db: Database, polls: number, signal: AbortSignal): Promise<void> {
  const removed = await removePolls(db, polls, signal)
  const now = Date.now()
  let added = 0
  const progress = new Progress('opening and closing polls', polls)
  const step = async (tx: Database, from: number, to: number) => {
    added += await fillPolls(tx, from, to, polls, now)
    return to - from + 1
  }
  await overRange(db, signal, [1, polls], step, (done) => progress.advance(done))
  progress.end()
  process.stdout.write(`${formatCount(added)} polls added, ${formatCount(removed)} removed.\n`)
}

/** Resolves to their number. */
async function removePolls(db: Database, keep: number, signal: AbortSignal): Promise<number> {
  const surplus = await countSeeded(db, 'polls', keep)
  if (surplus === 0) return 0
  const progress = new Progress('removing polls and their votes', surplus + (await countVotesAbove(db, keep)))
  const removePollsAbove: typeof removeVotesAbove = (tx, number, limit) =>
    removeAbove(tx, 'polls', number, limit)
  for (const remove of [removeVotesAbove, removePollsAbove]) {
    const step = (tx: Database, size: number) => remove(tx, keep, size)
    await inShortTransactions(db, signal, step, (done) => progress.advance(done))
  }
  progress.end()
  return surplus
}

/** In each poll, a number of its own; surplus votes go first. */
async function makeVotes(
  db: Database,
  electorate: Electorate,
  votes: number,
  signal: AbortSignal,
): Promise<void> {
  const ballots = await readBallots(db, electorate, votes, signal)
  const sumOf = (sign: 1 | -1) => ballots.reduce((sum, { change }) => sum + Math.max(0, sign * change), 0)
  const [missing, surplus] = [sumOf(1), sumOf(-1)]
  if (surplus > 0) {
    const progress = new Progress('removing votes', surplus)
    const step = (tx: Database, size: number) => removeVotes(tx, ballots, size)
    await inShortTransactions(db, signal, step, (done) => progress.advance(done))
    progress.end()
  }
  if (missing > 0) {
    const progress = new Progress('adding votes', missing)
    const step = (tx: Database, size: number) => addVotes(tx, electorate, ballots, size)
    await inShortTransactions(db, signal, step, (done) => progress.advance(done))
    progress.end()
  }
  if (ballots.some(({ change }) => change > 0))
    throw new CommandError('Others changed votes or accounts meanwhile, so votes are missing; run it again.')
  process.stdout.write(`${formatCount(missing)} votes added, ${formatCount(surplus)} removed.\n`)
}

async function readBallots(
  db: Database,
  electorate: Electorate,
  votes: number,
  signal: AbortSignal,
): Promise<Ballot[]> {
  const progress = new Progress('counting votes of polls', electorate.polls)
  const now = Date.now()
  const ballots: Ballot[] = []
  for (const [index, wanted] of turnouts(electorate, votes).entries()) {
    signal.throwIfAborted()
    ballots.push(await ballotOf(db, index + 1, wanted, now))
    progress.advance(1)
  }
  progress.end()
  return ballots
}

async function makeFeeds(db: Database, users: number, feeds: number, signal: AbortSignal): Promise<void> {
  let removed = 0
  const clear = async (tx: Database, size: number) => {
    const step = await unsubscribe(tx, feeds, size)
    removed += step.done
    return step
  }
  await inShortTransactions(db, signal, clear, () => {})
  // A feed goes with its last reader.
  if (users > 0) await keepFeeds(db, feeds, Date.now())
  let added = 0
  const progress = new Progress('looking for feeds of users', users)
  const step = async (tx: Database, from: number, to: number) => {
    added += await subscribe(tx, feeds, from, to)
    return to - from + 1
  }
  await overRange(db, signal, [1, users], step, (done) => progress.advance(done))
  progress.end()
  process.stdout.write(`${formatCount(added)} feeds of users added, ${formatCount(removed)} removed.\n`)
}

async function finish(db: Database, users: number, password: string): Promise<void> {
  if (users === 0) {
    await removeSeedPassword(db)
    process.stdout.write('There are no seeded accounts now.\n')
    return
  }
  const count = await countSeeded(db, 'users')
  if (count !== users)
    throw new CommandError(
      `There are ${formatCount(count)} seeded accounts and not ${formatCount(users)}, because others changed them meanwhile; run it again.`,
    )
  await setSeedPassword(db, await hash(password, ARGON2_OPTIONS))
  process.stdout.write(
    `There are ${formatCount(users)} seeded accounts now. Log in as\n` +
      `  e-mail    ${DEMO_EMAIL}\n  password  ${password}\n`,
  )
}

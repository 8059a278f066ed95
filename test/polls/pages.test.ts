import type { Test } from 'tap'
import { test } from 'tap'
import { browseAs, linkTo } from '../support/browse.ts'
import { type OpenAppOptions, openApp } from '../support/harness.ts'
import { tableOf } from '../support/members.ts'
import { countDefects } from './open-polls.ts'

const NEW = {
  question: 'Tea or coffee?',
  description: '',
  choices: 'Tea\nCoffee',
  opensAt: '',
  closesAt: '',
  resultsShown: 'after-vote',
}

async function openPeople(t: Test, options: OpenAppOptions = {}) {
  const opened = await openApp(t, options)
  const root = await browseAs(opened, 'Root')
  await opened.db.updateTable('users').set({ is_administrator: 1 }).where('id', '=', root.id).execute()
  const [ada, grace] = [await browseAs(opened, 'Ada'), await browseAs(opened, 'Grace')] as const

  /** The ids of a new poll and of its choices. */
  async function create(fields: Record<string, string> = {}) {
    const { path, body } = await root.post('/app/admin/polls', { ...NEW, ...fields })
    const id = Number(/^\/app\/polls\/(\d+)$/.exec(path)?.[1])
    if (!id) throw new Error(body)
    const choices = tableOf(opened.file, 'poll_choices') as { id: number; poll_id: number }[]
    return {
      id,
      path,
      choices: choices.filter(({ poll_id }) => poll_id === id).map((choice) => String(choice.id)),
    }
  }
  return { ...opened, root, ada, grace, create }
}

/** The bars of a page of results: text, votes and length. */
function barsOf(body: string): string[] {
  return [
    ...body.matchAll(
      /<li><span>([^<]*).*?<\/span> <span class="number">(\d+) .*?\n.*?<rect width="([\d.]+)"/g,
    ),
  ].map(([, text, votes, width]) => `${text?.trim()} ${votes} ${width}`)
}

test('a person votes, changes the vote, sees the bars, and takes the vote back', async (t) => {
  const { ada, grace, create, file } = await openPeople(t)
  const { path, choices } = await create({ description: 'One\r\ntwo <b>' })
  const list = await ada.get('/app/polls')
  t.equal(linkTo(list.body, 'Tea or coffee\\?'), path)

  const page = await ada.get(path)
  t.match(page.body, 'One\ntwo &#60;b&#62;')
  t.match(page.body, 'You see the results when you have voted.')
  t.equal(page.body.match(/type="radio"/g)?.length, 2)
  t.notMatch(page.body, ' checked')
  t.notOk(linkTo(page.body, 'Results'))
  t.notMatch(page.body, 'retract')

  const voted = await ada.post(`${path}/vote`, { choiceId: choices[1] as string })
  t.equal(voted.path, `${path}/results`)
  t.strictSame(barsOf(voted.body), ['Tea 0 0', 'Coffee 1 100'])
  t.match(voted.body, '1 vote so far.')
  await grace.post(`${path}/vote`, { choiceId: choices[0] as string })
  t.strictSame(barsOf((await ada.get(`${path}/results`)).body), ['Tea 1 50', 'Coffee 1 50'])

  const again = await ada.get(linkTo(voted.body, 'Change my vote') as string)
  t.match(again.body, new RegExp(`value="${choices[1]}" required checked`))
  const changed = await ada.post(`${path}/vote`, { choiceId: choices[0] as string })
  t.strictSame(barsOf(changed.body), ['Tea 2 100', 'Coffee 0 0'])

  const retracted = await ada.post(`${path}/vote/retract`)
  t.equal(retracted.path, path)
  t.notMatch(retracted.body, ' checked')
  const hidden = await ada.get(`${path}/results`)
  t.equal(hidden.status, 403)
  t.match(
    hidden.body,
    /role="alert"[\s\S]*Vote first\.[\s\S]*<button>Vote</,
    'where the results wait, one votes',
  )
  t.strictSame(countDefects(file), [])
})

test('a poll without a choice, and one that closed meanwhile, are shown again with the reason', async (t) => {
  const { root, ada, create, file } = await openPeople(t)
  const { id, path, choices } = await create()
  const other = await create()
  for (const [fields, status] of [
    [{}, 422],
    [{ choiceId: 'x' }, 422],
    [{ choiceId: '-1' }, 422],
    [{ choiceId: other.choices[0] as string }, 422],
  ] as [Record<string, string>, number][]) {
    const refused = await ada.post(`${path}/vote`, fields)
    t.equal(refused.status, status)
    t.match(refused.body, /role="alert"[\s\S]*href="#choiceId"[\s\S]*id="choiceId"/)
  }
  await root.post(`/app/admin/polls/${id}/close`)
  const late = await ada.post(`${path}/vote`, { choiceId: choices[0] as string })
  t.equal(late.status, 409)
  t.match(late.body, 'Its votes stay as they are.')
  t.notMatch(late.body, 'type="radio"')
  t.ok(linkTo(late.body, 'Results'), 'everybody sees the results of a closed poll')
  t.strictSame(tableOf(file, 'votes'), [])
  t.equal((await ada.get('/app/polls/999')).status, 404)
})

test('results that wait for the close are told of, and not shown', async (t) => {
  const { root, ada, create } = await openPeople(t)
  const { id, path, choices } = await create({ resultsShown: 'after-close' })
  const voted = await ada.post(`${path}/vote`, { choiceId: choices[0] as string })
  t.equal(voted.path, path)
  t.match(voted.body, 'The results are shown when the poll is closed.')
  t.equal((await ada.get(`${path}/results`)).status, 403)
  t.strictSame(barsOf((await root.get(`${path}/results`)).body), ['Tea 1 100', 'Coffee 0 0'])
  const closed = await root.post(`/app/admin/polls/${id}/close`)
  t.match(closed.body, '>closed<')
  t.strictSame(barsOf((await ada.get(`${path}/results`)).body), ['Tea 1 100', 'Coffee 0 0'])
})

test('a poll that breaks a rule is shown again with its errors and what was typed', async (t) => {
  const { root, file } = await openPeople(t)
  t.match((await root.get('/app/admin/polls/new')).body, 'action="/app/admin/polls"')
  const refused = await root.post('/app/admin/polls', {
    ...NEW,
    question: '?',
    choices: 'Tea\r\n\r\ntea\n',
    description: 'a\u202Eb',
    opensAt: 'soon',
    resultsShown: 'after-close',
    draft: 'on',
  })
  t.equal(refused.status, 422)
  t.match(refused.body, 'id="question-error">must have a letter')
  t.match(refused.body, 'id="choices-error">choice 2 repeats choice 1')
  t.match(refused.body, 'id="description-error">must not have invisible')
  t.match(refused.body, 'id="opensAt-error">must be a time')
  t.match(refused.body, '\nTea\n\ntea\n</textarea>')
  t.match(refused.body, '<option value="after-close" selected>')
  t.match(refused.body, 'name="draft" checked')
  const past = await root.post('/app/admin/polls', { ...NEW, closesAt: '2001-02-03T04:05' })
  t.equal(past.status, 422)
  t.match(past.body, /id="closesAt-error"/)
  t.match(past.body, 'value="2001-02-03T04:05"')
  t.equal((await root.post('/app/admin/polls', { ...NEW, id: '5' })).status, 422)
  t.strictSame(tableOf(file, 'polls'), [])
})

test('a draft is edited, published, withdrawn, and deleted after a question', async (t) => {
  const { root, ada, create, file } = await openPeople(t)
  const { id, path } = await create({ draft: 'on' })
  const admin = `/app/admin/polls/${id}`
  t.equal((await ada.get(path)).status, 404)
  t.notMatch((await ada.get('/app/polls')).body, 'Tea or coffee')
  t.match((await root.get('/app/admin/polls')).body, '>draft<')

  const edited = await root.post(admin, {
    ...NEW,
    question: 'Which tea?',
    choices: 'Green\nBlack\nNone',
    description: 'Soon',
    closesAt: '2090-01-02T03:04',
  })
  t.equal(edited.path, path)
  t.match(edited.body, 'Which tea?')
  t.match(edited.body, 'closes on <time datetime="2090-01-02T03:04:00.000Z">2 January 2090')
  const published = await root.post(`${admin}/publish`)
  t.match(published.body, '>open<')
  t.equal((await ada.get(path)).status, 200)
  t.match((await root.post(`${admin}/withdraw`)).body, '>draft<')

  const question = await root.get(`${admin}/delete`)
  t.match(question.body, 'Nobody has voted.')
  const gone = await root.post(`${admin}/delete`)
  t.equal(gone.path, '/app/admin/polls')
  t.strictSame(tableOf(file, 'polls'), [])
  for (const url of [admin, `${admin}/delete`]) t.equal((await root.get(url)).status, 404)
})

test('after the first vote the form has only what can change, and moves no time that nobody touched', async (t) => {
  const { root, ada, create, file } = await openPeople(t)
  const { id, path, choices } = await create({ closesAt: '2090-01-02T03:04' })
  const [before] = tableOf(file, 'polls')
  const admin = `/app/admin/polls/${id}`
  const fields = { description: '', closesAt: '2090-01-02T03:04', resultsShown: 'after-vote' }
  const opensAt = new Date(before?.opens_at as number).toISOString().slice(0, 16)
  t.equal((await root.post(admin, { ...NEW, ...fields, opensAt })).path, path)
  t.strictSame(tableOf(file, 'polls'), [before])

  await ada.post(`${path}/vote`, { choiceId: choices[0] as string })
  const form = (await root.get(admin)).body
  t.notMatch(form, 'name="question"')
  t.notMatch(form, 'name="choices"')
  t.match(form, 'It has votes: its question, choices and opening stay as they are.')
  t.notMatch(form, 'withdraw')
  t.match((await root.post(admin, { ...fields, description: 'New' })).body, 'New')
  const late = await root.post(admin, { ...NEW, ...fields, opensAt, question: 'Which tea?' })
  t.equal(late.status, 409)
  t.match(late.body, 'Question</a> cannot change any more')

  await root.post(admin, { ...fields, resultsShown: 'after-close' })
  t.notMatch((await root.get(admin)).body, 'name="resultsShown"')
  t.equal((await root.post(admin, { description: '', closesAt: '' })).path, path)
  t.match((await root.get(`${admin}/delete`)).body, 'Its votes are deleted with it.')
})

test('what an administrator writes is shown as text everywhere', async (t) => {
  const { root, ada, create } = await openPeople(t)
  const text = '<img src=x onerror=alert(1)>"\'&'
  const { id, path, choices } = await create({
    question: `Q ${text}`,
    choices: `A ${text}\nB`,
    description: text,
  })
  await ada.post(`${path}/vote`, { choiceId: choices[0] as string })
  for (const url of [
    path,
    `${path}/results`,
    '/app/polls',
    '/app/admin/polls',
    `/app/admin/polls/${id}/delete`,
  ])
    t.notMatch((await root.get(url)).body, '<img', url)
})

test('pages of administrators are for nobody else, and change nothing from another site', async (t) => {
  const { ada, root, create, file } = await openPeople(t)
  const { id, path, choices } = await create({ draft: 'on' })
  const before = tableOf(file, 'polls')
  const admin = `/app/admin/polls/${id}`
  for (const url of ['/app/admin/polls', '/app/admin/polls/new', admin, `${admin}/delete`])
    t.equal((await ada.get(url)).status, 403, url)
  const posts = { '/app/admin/polls': NEW, [admin]: NEW } as Record<string, Record<string, string>>
  for (const name of ['publish', 'withdraw', 'close', 'delete']) posts[`${admin}/${name}`] = {}
  for (const [url, fields] of Object.entries(posts)) {
    t.equal((await ada.post(url, fields)).status, 403, url)
    const forged = await root.send('POST', url, fields, { 'sec-fetch-site': 'cross-site' })
    t.equal(forged.statusCode, 403, `${url} from another site`)
  }
  t.strictSame(tableOf(file, 'polls'), before)
  await root.post(`${admin}/publish`)
  const forged = await ada.send(
    'POST',
    `${path}/vote`,
    { choiceId: choices[0] as string },
    {
      'sec-fetch-site': 'cross-site',
    },
  )
  t.equal(forged.statusCode, 403)
  t.strictSame(tableOf(file, 'votes'), [])
  t.match((await ada.get('/app/polls')).body, 'Tea or coffee')
  t.notMatch((await ada.get('/app/polls')).body, '/app/admin/polls')
})

test('a long list of polls goes on page by page', async (t) => {
  const { ada, root, create, db } = await openPeople(t)
  for (let index = 0; index < 3; index++) await create()
  const old = {
    description: null,
    opens_at: 1,
    closes_at: 2,
    is_draft: 0 as const,
    created_at: 1,
    seed_number: null,
  }
  for (let index = 0; index < 60; index++)
    await db
      .insertInto('polls')
      .values({ ...old, question: `Old ${index}?`, results_shown: 'after-vote' })
      .execute()
  for (const [person, url] of [
    [ada, '/app/polls'],
    [root, '/app/admin/polls'],
  ] as const) {
    const first = await person.get(url)
    const second = await person.get(linkTo(first.body, 'Next page') as string)
    const rows = (body: string) => body.match(/<li><span><a href/g)?.length
    t.strictSame([rows(first.body), rows(second.body)], [50, 13])
    t.notOk(linkTo(second.body, 'Next page'))
  }
})

import { type Measured, measureInterleaved, ratioOf } from '../measure/slices.ts'
import type { Spread } from '../measure/statistics.ts'
import type { Stage } from '../stage.ts'
import { type Effort, USERS } from './comparison.ts'

export interface HtmlPage {
  readonly json: Measured
  readonly html: Measured
  readonly ratio: Spread
  readonly control: Spread
}

/** The first fifty members, for programs and for people: everything on, of one service each over the same database. */
export async function htmlPage(stage: Stage, effort: Effort): Promise<HtmlPage> {
  const database = await stage.database(USERS)
  const [one, other, third] = [
    await stage.rollcall(database, 'everything'),
    await stage.rollcall(database, 'everything'),
    await stage.rollcall(database, 'everything'),
  ]
  const headers = await stage.session(one)
  const json = { headers, path: '/v1/community' }
  const html = { headers: await stage.browserSession(one), path: '/app/community' }
  const subjects = [
    { name: 'json', server: one, ...json },
    { name: 'again', server: other, ...json },
    { name: 'html', server: third, ...html },
  ].map(({ name, server, headers, path }) => ({ name, server, visit: { url: server.url + path, headers } }))
  const [first, again, page] = (await measureInterleaved(subjects, stage.load, effort, (done) =>
    effort.say(`page for people: round ${done} of ${effort.rounds}`),
  )) as [Measured, Measured, Measured]
  return { json: first, html: page, ratio: ratioOf(page, first), control: ratioOf(again, first) }
}

import t from 'tap'
import { compare } from './comparison.ts'
import { pageOf, RequestLedger, sortOf } from './request-ledger.ts'

const happened = new Map([
  ['page:home', 3],
  ['page:login', 2],
])

t.test('what is equal is no difference, and everything was compared', async (t) => {
  t.match(compare('views', happened, { 'page:home': 3, 'page:login': 2 }), {
    happened: 5,
    stored: 5,
    difference: 0,
    tagSets: 2,
    differing: [],
  })
})

t.test('a loss and a surplus do not make up for each other, and a tag set of one side counts', async (t) => {
  t.match(compare('views', happened, { 'page:home': 2, 'page:evil': 3 }), {
    happened: 5,
    stored: 5,
    difference: 6,
    tagSets: 3,
    differing: [
      { tags: 'page:evil', happened: 0, stored: 3 },
      { tags: 'page:home', happened: 3, stored: 2 },
      { tags: 'page:login', happened: 2, stored: 0 },
    ],
  })
})

t.test('requests without an answer explain a surplus of their own group, and no loss', async (t) => {
  const allowance = { unknown: new Map([['page:home', 2]]), groupOf: pageOf }
  t.match(compare('views', happened, { 'page:home': 5, 'page:login': 2 }, allowance), {
    difference: 0,
    ofUnknown: 2,
    differing: [],
  })
  t.match(compare('views', happened, { 'page:home': 6, 'page:login': 2 }, allowance), { difference: 1 })
  t.match(compare('views', happened, { 'page:home': 3, 'page:login': 3 }, allowance), { difference: 1 })
  t.match(compare('views', happened, { 'page:home': 2, 'page:login': 2 }, allowance), { difference: 1 })
})

t.test('a request without an answer may have ended in any way, and was what it was', async (t) => {
  const ledger = new RequestLedger()
  const kind = { ask: { path: '/' }, page: 'home', route: '/', method: 'GET', statuses: [200], weight: 1 }
  ledger.answered('home', kind, 200)
  ledger.answered('home', kind, 503)
  ledger.unanswered(kind)
  const [ok, failed] = [...ledger.requests.keys()]
  t.equal(ok, 'http.request.method:GET,http.route:/,http.response.status_code:200,page:home,url.scheme:http')
  t.match(failed, /status_code:503,error\.type:503,/)
  t.strictSame([...ledger.unknown], [[sortOf(ok as string), 1]])
  t.strictSame([...ledger.unexpected], [['home: 503', 1]])
  t.strictSame([...ledger.views], [['page:home', 2]], 'what has no answer is not known to have happened')
})

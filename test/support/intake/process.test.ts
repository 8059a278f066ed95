import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { deltaSum, metricJson, NOW_MS, post } from './client.ts'
import { INTAKE_PROGRAM, startIntakeProcess } from './start-process.ts'

t.test('as a process it prints its address, obeys, answers, and leaves when it is told', async (t) => {
  const { url, child } = await startIntakeProcess(t, '--port', '0', '--key', 'right')
  const get = async (path: string) => {
    const response = await fetch(url + path)
    return [response.status, await response.json()] as const
  }
  const control = (order: unknown) => post(`${url}/control`, JSON.stringify(order))
  const send = async (value: number) => {
    const agoMs = NOW_MS - Date.now()
    const points = deltaSum(
      { attributes: { page: 'home' }, asInt: value, agoMs },
      { attributes: { page: 'login' }, asInt: 1, agoMs },
    )
    return (await post(`${url}/api/v2/otlpmetrics`, metricJson('views', points), { 'dd-api-key': 'right' }))
      .status
  }
  t.equal((await control({ do: 'misbehave', answer: 503, times: 1 })).status, 200)
  t.same([await send(5), await send(5)], [503, 200])
  t.match(await get('/stored'), [
    200,
    {
      metrics: {
        received: 2,
        stored: 2,
        repeated: 0,
        overwritten: 0,
        series: { views: 2 },
        overwrittenPerMetric: {},
      },
      traces: { received: 0, distinct: 0 },
      logs: { received: 0 },
      requests: { 200: 1, 503: 1 },
      misbehaved: { 503: 1 },
      refused: [{ reason: 'told to refuse', status: 503, count: 1 }],
    },
  ])
  t.same(await get('/stored?query=sum&metric=views&by=page'), [200, { 'page:home': 5, 'page:login': 1 }])
  t.same(await get('/stored?query=sum&metric=views&filter=page:home,host:a-host'), [200, { '': 5 }])
  t.match(await get('/stored?query=count&metric=views'), [400, { error: /no distribution/ }])
  t.match(await get('/stored?query=percentile&metric=views'), [400, { error: /p must be/ }])
  t.match(await get('/stored?query=average&metric=views'), [400, { error: /query must be/ }])
  for (const order of [{}, { do: 'misbehave' }, { do: 'behave', now: true }, 'behave'])
    t.match(await control(order), { status: 400, text: /no order/ })
  t.match(await post(`${url}/control`, '{'), { status: 400, text: /JSON/ })
  t.equal((await control({ do: 'forget' })).status, 200)
  t.match(await get('/stored'), [200, { metrics: { stored: 0 }, requests: {}, refused: [] }])
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [143, null])
})

t.test('a port that is taken ends it with a sentence', async (t) => {
  const { url } = await startIntakeProcess(t)
  const child = spawn(process.execPath, [INTAKE_PROGRAM, '--port', new URL(url).port], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [said] = await once(child.stderr.setEncoding('utf8'), 'data')
  t.match(said, /^Port \d+ is in use; give another or 0\.\n$/)
  t.same(await once(child, 'exit'), [1, null])
})

import type { Answer, HttpClient } from './http-client.ts'
import { NoAnswer } from './http-client.ts'
import { Latencies } from './latencies.ts'
import type { LiveLine } from './live-line.ts'
import { keepPace, type Pace } from './pacing.ts'
import { LOAD_PAGES, type LoadPageName, type Mix, picker } from './pages.ts'
import { NOT_SENT, PageResult } from './results.ts'
import type { Visitor } from './visitor.ts'

/** After an interrupt: longest wait for answers under way. */
const LAST_ANSWERS_MS = 1000

export interface LoadPlan extends Pace {
  readonly mix: Mix
  /** At this many under way, further requests are not sent but count as errors. */
  readonly maxInFlight: number
}

export interface AppliedLoad {
  readonly pages: ReadonlyMap<LoadPageName, PageResult>
  /** Delay from the due time to the sending: large if this machine cannot keep the rate. */
  readonly lateness: Latencies
  readonly sendingSeconds: number
  /** Requests without an answer when the last one was sent. */
  readonly unanswered: number
  /** The sending thread's share of a processor, and of the time that it had work; 1 is all. */
  readonly sender: { readonly cpu: number; readonly busy: number }
}

/** Sends the planned requests until the plan ends or the signal aborts, and waits for the answers. */
export async function applyLoad(
  client: HttpClient,
  visitors: readonly Visitor[],
  plan: LoadPlan,
  signal: AbortSignal,
  live: LiveLine,
): Promise<AppliedLoad> {
  const pages = new Map([...plan.mix.keys()].map((name) => [name, new PageResult()]))
  const lateness = new Latencies()
  const pick = picker(plan.mix)
  const startedAt = performance.now()
  const cpuBefore = process.threadCpuUsage()
  const loopBefore = performance.eventLoopUtilization()
  let inFlight = 0
  let whenIdle: (() => void) | undefined

  await keepPace(plan, signal, (dueMs) => {
    const name = pick()
    const result = pages.get(name)!
    if (inFlight >= plan.maxInFlight) {
      result.fail(NOT_SENT)
      live.failed()
      return
    }
    inFlight += 1
    live.sent()
    lateness.record(performance.now() - dueMs)
    void look(name, result, dueMs).finally(() => {
      inFlight -= 1
      if (inFlight === 0) whenIdle?.()
    })
  })
  const sendingSeconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.threadCpuUsage(cpuBefore)
  const cpu = (user + system) / 1e6 / sendingSeconds
  const sender = { cpu, busy: performance.eventLoopUtilization(loopBefore).utilization }
  const unanswered = inFlight
  await untilIdle()
  return { pages, lateness, sendingSeconds, unanswered, sender }

  async function look(name: LoadPageName, result: PageResult, dueMs: number): Promise<void> {
    const visitor = visitors[Math.floor(Math.random() * visitors.length)]!
    try {
      const { as, ask } = LOAD_PAGES[name]
      const { token, cookie } = visitor
      const answer = await client.ask({ ...ask(visitor), ...(as === 'browser' ? { cookie } : { token }) })
      if (name === 'community') visitor.sawCommunity(answer)
      note(result, answer, dueMs)
    } catch (error) {
      result.fail(error instanceof NoAnswer ? error.kind : 'broken')
      live.failed()
    }
    live.ended()
  }

  function note(result: PageResult, { status, bytes, endedAtMs }: Answer, dueMs: number): void {
    result.bytes += bytes
    // Who is sent elsewhere, as to log in, has not seen the page.
    if (status >= 300) {
      result.fail(`status ${status}`)
      live.failed()
      return
    }
    result.latencies.record(endedAtMs - dueMs)
    live.latencies.record(endedAtMs - dueMs)
  }

  async function untilIdle(): Promise<void> {
    if (inFlight === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    whenIdle = resolve
    let timer: NodeJS.Timeout | undefined
    const hurry = () => {
      timer = setTimeout(() => client.cutOff(), LAST_ANSWERS_MS)
    }
    if (signal.aborted) hurry()
    else signal.addEventListener('abort', hurry)
    await promise
    signal.removeEventListener('abort', hurry)
    clearTimeout(timer)
  }
}

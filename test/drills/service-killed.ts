import { formatCount } from '../../tools/progress.ts'
import type { Drill } from './drill.ts'
import type { Journey } from './request-ledger.ts'
import { RATE, type Stage } from './stage.ts'

const EXPORT_EVERY_MS = 2000
const LIFE_MS = 7000
/**
 * An interval, and the export of the one before that was under way; then the second that an interval must have for
 * itself. Longer only where the machine does not keep up, so it is told and no goal.
 */
const BOUND_MS = 2 * EXPORT_EVERY_MS + 1000

/** One process, from its start to its end. */
interface Life {
  readonly begunAt: number
  /** Since when it listens. */
  readonly servedAt: number
  readonly endedAt: number
}

interface Loss {
  /** Answered, or given up by the client as planned. */
  readonly happened: number
  /** Cut by the kill: counted when they arrived, or not. */
  readonly cut: number
  readonly stored: number
  /** From the end of the last stored interval, or since it listened, to the kill. */
  readonly unexportedMs: number
  /** Counted before that and not stored: what the unexported stretch does not explain. */
  readonly unexplained: number
}

export const serviceKilled: Drill = {
  name: 'service-killed',
  proves: 'SIGKILL of the service loses what it had not exported yet, and nothing else',
  short: '3 kills',
  long: '50 kills',
  exportEveryMs: EXPORT_EVERY_MS,
  withJourneys: true,
  async run(stage, isLong) {
    const kills = isLong ? 50 : 3
    const lives: Life[] = []
    await stage.startCollector()
    let begunAt = Date.now()
    let service = await stage.startService()
    let servedAt = Date.now()
    await stage.prepare(service)
    // So that the preparation is not part of what the first kill can lose.
    await stage.comes(async () => sumOf(await endsAndViews(stage)) > 0)
    stage.expect(this.name, ((kills + 1) * RATE * LIFE_MS) / 1000)
    await stage.under(stage.load([service]), undefined, async () => {
      for (let kill = 0; kill < kills; kill++) {
        await stage.pause(stage.upTo(LIFE_MS))
        await stage.killService(service)
        lives.push({ begunAt, servedAt, endedAt: Date.now() })
        begunAt = Date.now()
        service = await stage.startService()
        servedAt = Date.now()
      }
      await stage.pause(LIFE_MS)
    })
    const comparisons = await stage.settle(EXPORT_EVERY_MS * 3)
    const points = await endsAndViews(stage)
    const journeys = stage.ledger.journeys ?? []
    const losses = lives.map((life) => lossOf(life, journeys, points))
    const last = lossOf({ begunAt, servedAt, endedAt: Date.now() }, journeys, points)
    return {
      deeds: [{ what: 'SIGKILL of the service', count: kills }],
      comparisons,
      notes: ['The differences are what the kills lost; page views are looked at life by life above.'],
      lines: [
        ...losses.map((loss, index) => `kill ${index + 1}: ${told(loss)}`),
        `the longest stretch lost: ${Math.max(...losses.map(({ unexportedMs }) => Math.round(unexportedMs)))} ms; ${BOUND_MS} ms is the bound where the machine keeps up`,
        `ended in order at last: ${formatCount(last.happened)} views, ${formatCount(last.stored)} stored`,
      ],
      goals: [
        {
          what: 'nothing is lost that was answered before the last stored interval ended',
          isMet: [...losses, last].every(({ unexplained }) => unexplained === 0),
        },
        {
          what: 'the process that ended in order lost nothing',
          isMet: last.happened > 0 && last.happened === last.stored,
        },
        {
          what: 'nothing is stored that did not happen',
          isMet: comparisons.every(({ stored, happened, ofUnknown }) => stored <= happened + ofUnknown),
        },
        {
          what: 'kills do lose something: the drill can see it',
          isMet: losses.some((loss) => loss.happened > loss.stored),
        },
      ],
    }
  },
}

async function endsAndViews(stage: Stage): Promise<[number, number][]> {
  return (await stage.standIn.points('web.page_views_total'))[''] ?? []
}

function sumOf(points: readonly [number, number][]): number {
  return points.reduce((total, [, views]) => total + views, 0)
}

/** No interval ends in the second in which its process began, so each point belongs to one life. */
function lossOf(
  { begunAt, servedAt, endedAt }: Life,
  journeys: readonly Journey[],
  points: readonly [number, number][],
): Loss {
  const own = points.filter(([end]) => end * 1000 > begunAt && end * 1000 <= endedAt)
  const stored = sumOf(own)
  const lastEnd = (own.at(-1)?.[0] ?? 0) * 1000
  const during = journeys.filter(({ sentAt }) => sentAt >= begunAt && sentAt < endedAt)
  const happened = during.filter(({ isAnswered }) => isAnswered).length
  const before = during.filter(({ countedAt }) => countedAt < lastEnd)
  return {
    happened,
    cut: during.length - happened,
    stored,
    unexportedMs: endedAt - Math.max(lastEnd, servedAt),
    unexplained: Math.max(0, before.length - stored),
  }
}

function told({ happened, cut, stored, unexportedMs, unexplained }: Loss): string {
  const lost = `${formatCount(Math.max(0, happened - stored))} lost in the last ${Math.round(unexportedMs)} ms and ${formatCount(unexplained)} before`
  return `${formatCount(happened)} views answered, ${formatCount(cut)} cut, ${formatCount(stored)} stored: ${lost}`
}

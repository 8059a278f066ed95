import type { LoadGenerator, Server, Visit } from './processes.ts'
import { machineTicks, processorNanoseconds, stolenPart } from './processor-time.ts'
import { type Spread, spreadOf } from './statistics.ts'

/** Slices with a larger stolen part say more about the host. */
const STOLEN_MAX = 0.03
const CALIBRATION_REQUESTS = 300

/** A page of a server, to measure. */
export interface Subject {
  readonly name: string
  readonly server: Server
  readonly visit: Visit
}

export interface Slice {
  readonly round: number
  readonly microseconds: number
  readonly requestsASecond: number
  readonly stolen: number
}

export interface Measured {
  readonly name: string
  /** Processor time for a request, in microseconds. */
  readonly microseconds: Spread
  readonly requestsASecond: Spread
  readonly slices: readonly Slice[]
  /** Slices left out because of the host. */
  readonly leftOut: number
  /** Part of a processor that the process uses without requests: exports, samplers, timers. */
  readonly idle: number
}

/** A process's use of a processor between its slices. */
class IdleTime {
  #nanoseconds = 0
  #seconds = 0
  #since: { nanoseconds: number; at: number } | undefined

  sliceBegins(nanoseconds: number): void {
    if (this.#since === undefined) return
    this.#nanoseconds += nanoseconds - this.#since.nanoseconds
    this.#seconds += (performance.now() - this.#since.at) / 1000
  }

  sliceEnded(nanoseconds: number): void {
    this.#since = { nanoseconds, at: performance.now() }
  }

  get part(): number {
    return this.#seconds === 0 ? 0 : this.#nanoseconds / 1e9 / this.#seconds
  }
}

export interface Rounds {
  /** Slices of each subject. */
  readonly rounds: number
  readonly sliceSeconds: number
  /** Seconds of whole slices before the first one of a subject: the compiler needs to see its code. */
  readonly warmUpSeconds: number
}

/**
 * Measures all subjects in short slices, each once a round in a new order. A second subject of the same kind is the
 * control: the method cannot tell differences apart that are smaller than their ratio's distance from 1.
 */
export async function measureInterleaved(
  subjects: readonly Subject[],
  load: LoadGenerator,
  { rounds, sliceSeconds, warmUpSeconds }: Rounds,
  onRound?: (done: number) => void,
): Promise<Measured[]> {
  const amounts = new Map<Subject, number>()
  for (const subject of subjects)
    amounts.set(subject, Math.ceil(sliceSeconds * (await warmUp(subject, load, warmUpSeconds))))

  const slices = new Map<Subject, Slice[]>(subjects.map((subject) => [subject, []]))
  // For each server, which may be two subjects: neither is idle in a slice of the other.
  const idle = new Map<Server, IdleTime>(subjects.map(({ server }) => [server, new IdleTime()]))
  for (let round = 0; round < rounds; round++) {
    for (const subject of shuffled(subjects)) {
      const slice = await measureSlice(
        subject,
        load,
        amounts.get(subject) as number,
        idle.get(subject.server) as IdleTime,
      )
      slices.get(subject)?.push({ round, ...slice })
    }
    onRound?.(round + 1)
  }
  return subjects.map((subject) => {
    const all = slices.get(subject) as Slice[]
    const kept = quiet(all)
    return {
      name: subject.name,
      microseconds: spreadOf(kept.map(({ microseconds }) => microseconds)),
      requestsASecond: spreadOf(kept.map(({ requestsASecond }) => requestsASecond)),
      slices: kept,
      leftOut: all.length - kept.length,
      idle: (idle.get(subject.server) as IdleTime).part,
    }
  })
}

/** From the slices of one round each, so that a slow moment of the machine slows both. */
export function ratioOf(
  one: Measured,
  other: Measured,
  figure: 'microseconds' | 'requestsASecond' = 'microseconds',
): Spread {
  const ratios = one.slices.flatMap((slice) => {
    const same = other.slices.find(({ round }) => round === slice.round)
    return same === undefined ? [] : [slice[figure] / same[figure]]
  })
  // No round was quiet for both.
  return ratios.length > 0 ? spreadOf(ratios) : spreadOf([one[figure].median / other[figure].median])
}

/** Requests that it answers in a second, at the end of the warm-up. */
async function warmUp({ visit }: Subject, load: LoadGenerator, seconds: number): Promise<number> {
  let perSecond = CALIBRATION_REQUESTS / (await load.send(visit, CALIBRATION_REQUESTS))
  for (let second = 0; second < seconds; second++) {
    const amount = Math.ceil(perSecond)
    perSecond = amount / (await load.send(visit, amount))
  }
  return perSecond
}

async function measureSlice({ server, visit }: Subject, load: LoadGenerator, amount: number, idle: IdleTime) {
  const ticks = machineTicks()
  const before = processorNanoseconds(server.pid)
  idle.sliceBegins(before)
  const seconds = await load.send(visit, amount)
  const after = processorNanoseconds(server.pid)
  idle.sliceEnded(after)
  return {
    microseconds: (after - before) / amount / 1000,
    requestsASecond: amount / seconds,
    stolen: stolenPart(ticks, machineTicks()),
  }
}

/** All slices if nearly none was quiet: a figure with its spread says more than none. */
function quiet(slices: readonly Slice[]): readonly Slice[] {
  const kept = slices.filter(({ stolen }) => stolen <= STOLEN_MAX)
  return kept.length >= 3 ? kept : slices
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

import { test } from 'tap'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { deltaPoint } from './otlp-requests.ts'
import {
  type CollectorPlace,
  collectorPlace,
  findProgram,
  pause,
  startCollector,
  until,
} from './real-collector.ts'

const { program, options } = await findProgram()

const KILLS = 5
const POINTS = 600

test('what was acknowledged outlives a SIGKILL, while the intake is away too', options, async (t) => {
  const intake = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces', 'logs'] })
  const place = await collectorPlace(t, intake.url)
  const sender = new Sender(place)
  intake.answerWith(...Array.from({ length: 100_000 }, () => 503))
  const sending = sender.send(POINTS)
  for (let kill = 1; kill <= KILLS; kill++) {
    const collector = await startCollector(t, program, place)
    await until(() => sender.acknowledged >= (kill * POINTS) / (KILLS + 1))
    t.strictSame(await collector.end('SIGKILL'), [null, 'SIGKILL'])
  }
  t.equal(intake.metrics().length, 0, 'nothing has left so far')
  intake.answerWith()
  await startCollector(t, program, place)
  await sending
  // One value a second is kept; a point that arrives twice replaces itself.
  const stored = () => new Map(intake.metrics('test.delta').map(({ time, value }) => [time, value]))
  await until(() => stored().size >= POINTS)
  const received = intake.metrics('test.delta').length
  t.comment(
    `${KILLS} kills: ${sender.acknowledged} acknowledged, ${stored().size} stored, ${received} received`,
  )
  t.equal(sender.acknowledged, POINTS)
  t.equal(stored().size, POINTS, 'every second has its point')
  t.ok([...stored().values()].every((value) => value === 1))
})

/** Sends points, each in a second of its own, and each until it is acknowledged. */
class Sender {
  acknowledged = 0
  readonly #place: CollectorPlace
  #second = 1_700_000_000n

  constructor(place: CollectorPlace) {
    this.#place = place
  }

  async send(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      const point = deltaPoint(this.#second * 1_000_000_000n)
      this.#second += 1n
      while (!(await this.#deliver(point))) await pause(20)
      this.acknowledged += 1
    }
  }

  #deliver(point: RequestInit): Promise<boolean> {
    return fetch(`${this.#place.url}/v1/metrics`, point).then(
      ({ ok }) => ok,
      () => false,
    )
  }
}

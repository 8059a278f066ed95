import type { Sketch } from '../flat-telemetry.ts'

/** Buckets for these values, the way OpenTelemetry's data model defines them. */
export function sketchOf(values: readonly number[], scale: number): Sketch {
  const indexOf = (value: number) => Math.ceil(Math.log2(Math.abs(value)) * 2 ** scale) - 1
  const bucketsOf = (some: number[]) => {
    if (some.length === 0) return { offset: 0, counts: [] }
    const indices = some.map(indexOf)
    const offset = indices.reduce((least, index) => Math.min(least, index))
    const most = indices.reduce((greatest, index) => Math.max(greatest, index))
    const counts = Array.from({ length: most - offset + 1 }, () => 0)
    for (const index of indices) counts[index - offset]! += 1
    return { offset, counts }
  }
  return {
    scale,
    zeroCount: values.filter((value) => value === 0).length,
    positive: bucketsOf(values.filter((value) => value > 0)),
    negative: bucketsOf(values.filter((value) => value < 0)),
  }
}

/** The same random numbers in every run. */
function* uniform(): Generator<number, never> {
  let state = 12345
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield (state + 0.5) / 2 ** 32
  }
}

const random = uniform()
const next = () => random.next().value

/** Values of several distributions, one at a call; within one process always the same. */
export const SHAPES: Readonly<Record<string, () => number>> = {
  uniform: () => next(),
  exponential: () => -Math.log(next()) / 50,
  'log-normal over many octaves': () =>
    Math.exp(3 * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())),
  'two peaks': () => (next() < 0.9 ? 0.001 + next() / 1e4 : 2 + next()),
  constant: () => 0.25,
}

/** OTLP's unit. `per` is the time of a rate. */
export interface Unit {
  readonly name: string
  readonly per: string | null
}

/** One line. NaN is an empty bucket. */
export interface Line {
  readonly tags: Readonly<Record<string, string>>
  readonly values: Float64Array
  readonly unit: Unit | null
}

/** A sender chooses the keys of tags, even `__proto__`. */
export function noTags(): Record<string, string> {
  return Object.create(null)
}

const DEFAULT_GAP_SECONDS = 300

/** Fills gaps between values, or behind them, in place. A gap of more than `seconds` stays. */
export function fillGaps(
  values: Float64Array,
  method: 'linear' | 'last' | 'zero' | 'null',
  interval: number,
  seconds = DEFAULT_GAP_SECONDS,
): void {
  if (method === 'null') return
  const most = Math.max(1, Math.floor(seconds / interval))
  let last = -1
  for (let index = 0; index <= values.length; index += 1) {
    if (index < values.length && Number.isNaN(values[index]!)) continue
    const gap = index - last - 1
    const isInner = last >= 0 && index < values.length
    if (method === 'zero') values.fill(0, last + 1, index)
    else if (last >= 0 && method === 'last')
      values.fill(values[last]!, last + 1, Math.min(index, last + 1 + most))
    else if (isInner && gap <= most)
      for (let step = 1; step <= gap; step += 1)
        values[last + step] = values[last]! + ((values[index]! - values[last]!) * step) / (gap + 1)
    last = index
  }
}

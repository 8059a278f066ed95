import type { Judged } from './metric-rules.ts'

/** A point as it came, with why it is dropped or what is stored of it. */
export interface JudgedPoint {
  readonly metric: string
  readonly host: string
  /** `name:value`, of the point and of its resource. */
  readonly tags: readonly string[]
  /** Nanoseconds since the epoch. */
  readonly time: bigint
  readonly startTime: bigint
  readonly judged: Judged
}

/** What a request brings, over OTLP or as the Agent's own exporter sends it. */
export interface Content {
  readonly points?: readonly JudgedPoint[]
  /** What tells a span from all others; undefined where it has no id. */
  readonly spanIds?: readonly (string | undefined)[]
  readonly records?: number
  /** That a description of a machine names. */
  readonly host?: string
}

import type { Series, StoredMetric } from '../store/metric-store.ts'

/** Buckets of equal length, and the time of the points that count. All in seconds. */
export interface Window {
  /** Start of the first bucket. */
  readonly start: number
  readonly interval: number
  readonly buckets: number
  /** Points from here on … */
  readonly from: number
  /** … and before this. */
  readonly to: number
}

/** The same buckets, shifted by the seconds into the past. */
export function windowBefore(window: Window, seconds: number): Window {
  const { start, from, to } = window
  return { ...window, start: start - seconds, from: from - seconds, to: to - seconds }
}

/** Seconds. With at most 300 buckets they give Datadog's: 20 s for an hour, 1 min for 4 h, 5 min for a day. */
const INTERVALS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14_400]
const USUAL_BUCKETS = 300
/** For spans and log lines. */
export const EVENT_BUCKETS = 75
export const MOST_BUCKETS = 1500

/** The finest interval without too many buckets. It is not finer than the points' interval, or rates would be combs. */
export function defaultInterval(seconds: number, reportingSeconds: number | undefined): number {
  const least = Math.max(seconds / USUAL_BUCKETS, reportingSeconds ?? 1)
  return INTERVALS.find((interval) => interval >= least) ?? Math.ceil(least / 14_400) * 14_400
}

/** The wished interval, or the nearest one within the limit of buckets. */
export function boundedInterval(seconds: number, wish: number): number {
  return Math.max(wish, Math.ceil(seconds / MOST_BUCKETS))
}

const SERIES_LOOKED_AT = 20
const GAPS_LOOKED_AT = 10

/** Seconds between points: the median gap of the most frequent series. Undefined without two points. */
export function reportingInterval(metric: StoredMetric | undefined): number | undefined {
  const medians: number[] = []
  let looked = 0
  for (const series of metric?.series ?? []) {
    const median = medianGap(series)
    if (median !== undefined) medians.push(median)
    looked += 1
    if (looked === SERIES_LOOKED_AT) break
  }
  return medians.length === 0 ? undefined : Math.min(...medians)
}

function medianGap({ points }: Series): number | undefined {
  const gaps: number[] = []
  for (let index = Math.max(1, points.size - GAPS_LOOKED_AT); index < points.size; index += 1)
    gaps.push(points.second(index) - points.second(index - 1))
  return gaps.sort((one, other) => one - other)[gaps.length >> 1]
}

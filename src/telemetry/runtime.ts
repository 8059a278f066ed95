import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks'
import { getHeapSpaceStatistics } from 'node:v8'
import { GC_TYPES, HEAP_SPACES, OTHER_ERROR } from './attribute-values.ts'
import { METRICS } from './catalogue.ts'
import type { Counter, Instruments } from './instruments.ts'
import {
  ATTR_CPU_MODE,
  ATTR_NODEJS_EVENTLOOP_STATE,
  ATTR_V8JS_GC_TYPE,
  ATTR_V8JS_HEAP_SPACE_NAME,
} from './semconv.ts'

/**
 * Measures the process itself: event loop, garbage collection, memory, processor time. Written by hand:
 * instrumentation-runtime-node 0.37 has the same names and units, but reports an idle event loop as 10 ms late (the
 * whole time between two firings of its timer), and measures neither memory nor processor time of the process;
 * host-metrics 0.39 does that, without a unit for memory. Returns a function that ends the measuring.
 */
export function sampleRuntime(instruments: Instruments): () => void {
  const samplers = [eventLoopSampler(instruments), heapSampler(instruments), processSampler(instruments)]
  const delay = eventLoopDelaySampler(instruments)
  instruments.beforeCollection(() => {
    for (const sample of samplers) sample()
    delay.sample()
  })
  const stopCollector = observeGarbageCollection(instruments)
  return () => {
    // Sampling stays: the last collection comes after this.
    stopCollector()
    delay.stop()
  }
}

const DELAY_RESOLUTION_MS = 20

function eventLoopDelaySampler(instruments: Instruments) {
  const histogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  histogram.enable()
  const min = instruments.gauge(METRICS.eventLoopDelayMin, {})
  const max = instruments.gauge(METRICS.eventLoopDelayMax, {})
  const mean = instruments.gauge(METRICS.eventLoopDelayMean, {})
  const stddev = instruments.gauge(METRICS.eventLoopDelayStddev, {})
  const p50 = instruments.gauge(METRICS.eventLoopDelayP50, {})
  const p90 = instruments.gauge(METRICS.eventLoopDelayP90, {})
  const p99 = instruments.gauge(METRICS.eventLoopDelayP99, {})
  // Node reports the whole time between two firings, which includes the requested resolution.
  const delaySeconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - DELAY_RESOLUTION_MS / 1000)
  return {
    sample() {
      if (histogram.count === 0) return
      min.record(delaySeconds(histogram.min))
      max.record(delaySeconds(histogram.max))
      mean.record(delaySeconds(histogram.mean))
      stddev.record(histogram.stddev / 1e9)
      p50.record(delaySeconds(histogram.percentile(50)))
      p90.record(delaySeconds(histogram.percentile(90)))
      p99.record(delaySeconds(histogram.percentile(99)))
      histogram.reset()
    },
    stop: () => histogram.disable(),
  }
}

function eventLoopSampler(instruments: Instruments): () => void {
  const active = instruments.counter(METRICS.eventLoopTime, { [ATTR_NODEJS_EVENTLOOP_STATE]: 'active' })
  const idle = instruments.counter(METRICS.eventLoopTime, { [ATTR_NODEJS_EVENTLOOP_STATE]: 'idle' })
  const utilization = instruments.gauge(METRICS.eventLoopUtilization, {})
  let before: EventLoopUtilization = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const passed = performance.eventLoopUtilization(now, before)
    before = now
    active.add(Math.max(0, passed.active) / 1000)
    idle.add(Math.max(0, passed.idle) / 1000)
    if (Number.isFinite(passed.utilization)) utilization.record(passed.utilization)
  }
}

function heapSampler(instruments: Instruments): () => void {
  const names = [...HEAP_SPACES, OTHER_ERROR]
  const levels = new Map(
    names.map((name) => {
      const attributes = { [ATTR_V8JS_HEAP_SPACE_NAME]: name }
      return [
        name,
        {
          size: level(instruments.upDownCounter(METRICS.heapSize, attributes)),
          used: level(instruments.upDownCounter(METRICS.heapUsed, attributes)),
        },
      ] as const
    }),
  )
  return () => {
    let otherSize = 0
    let otherUsed = 0
    for (const space of getHeapSpaceStatistics()) {
      const known = levels.get(space.space_name)
      known?.size(space.space_size)
      known?.used(space.space_used_size)
      if (!known) {
        otherSize += space.space_size
        otherUsed += space.space_used_size
      }
    }
    if (otherSize === 0) return
    levels.get(OTHER_ERROR)?.size(otherSize)
    levels.get(OTHER_ERROR)?.used(otherUsed)
  }
}

function processSampler(instruments: Instruments): () => void {
  const user = level(instruments.counter(METRICS.cpuTime, { [ATTR_CPU_MODE]: 'user' }))
  const system = level(instruments.counter(METRICS.cpuTime, { [ATTR_CPU_MODE]: 'system' }))
  const memory = level(instruments.upDownCounter(METRICS.memoryUsage, {}))
  const uptime = instruments.gauge(METRICS.uptime, {})
  return () => {
    const cpu = process.cpuUsage()
    user(cpu.user / 1e6)
    system(cpu.system / 1e6)
    memory(process.memoryUsage.rss())
    uptime.record(process.uptime())
  }
}

/** Turns a level into the changes that an up-down counter takes. */
function level(counter: Counter): (value: number) => void {
  let before = 0
  return (value) => {
    counter.add(value - before)
    before = value
  }
}

function observeGarbageCollection(instruments: Instruments): () => void {
  const durations = new Map(
    GC_TYPES.map((type) => [
      GC_KINDS[type],
      instruments.histogram(METRICS.gcDuration, { [ATTR_V8JS_GC_TYPE]: type }),
    ]),
  )
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as GcEntry[])
      durations.get(entry.detail?.kind ?? 0)?.record(entry.duration / 1000)
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

type GcEntry = PerformanceEntry & { detail?: { kind?: number } }

const GC_KINDS = {
  major: constants.NODE_PERFORMANCE_GC_MAJOR,
  minor: constants.NODE_PERFORMANCE_GC_MINOR,
  incremental: constants.NODE_PERFORMANCE_GC_INCREMENTAL,
  weakcb: constants.NODE_PERFORMANCE_GC_WEAKCB,
}

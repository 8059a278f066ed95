import {
  context,
  createNoopLogger,
  type Logger,
  ProxyTracerProvider,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import {
  Diagnostics,
  Environment,
  type ExportCounts,
  MAX_BUCKETS,
  NOTHING_COUNTED,
} from '@rollcall/durable-otlp-exporter'
import { type Counted, readCounted } from './counted.ts'
import { routeDiagnostics } from './diagnostics.ts'
import { type Event, emitEvent } from './events.ts'
import { type ExportOptions, openExport } from './export.ts'
import { type Instruments, noInstruments } from './instruments.ts'
import { recordCounts } from './pipeline-metrics.ts'
import { choosePropagator } from './propagators.ts'
import { HotInstruments } from './recording/hot-instruments.ts'
import { Recording } from './recording/recording.ts'
import { describeService, type ServiceIdentity } from './resource.ts'
import { sampleRuntime } from './runtime.ts'
import { chooseSampler } from './sampler.ts'
import { SdkInstruments } from './sdk-instruments.ts'
import { CARDINALITY_LIMIT, readLogRecordLimits, readSpanLimits } from './sdk-limits.ts'

export interface TelemetryOptions extends ServiceIdentity {
  /** The source of the standard OTEL_* variables. */
  env: NodeJS.ProcessEnv
  /** Options of the storage, in memory and on disk. */
  export?: ExportOptions
}

export interface Telemetry {
  readonly instruments: Instruments
  readonly tracer: Tracer
  readonly logs: Logger
  readonly propagator: TextMapPropagator
  /** Telemetry's reports about itself, for the log. */
  readonly diagnostics: Diagnostics
  /** The destination of metrics, for people: a URL, `console` or `off`. */
  readonly destination: string
  /** Emits an event in the trace of the running request. */
  emitEvent(event: Event): void
  /** What this process has counted since its start; nothing if metrics are off. */
  counted(): Promise<Counted>
  /** The outcome of all that was recorded, at this moment. */
  counts(): ExportCounts
  /** Sends the rest for at most `timeoutMs`, keeps the remainder on disk and ends everything; once, and never throws. */
  shutdown(timeoutMs?: number): Promise<void>
}

const SCOPE = 'rollcall'

/** Longest wait of a shutdown for a receiver that does not answer. */
const SHUTDOWN_TIMEOUT_MS = 5000

/**
 * Starts metrics, traces and logs as the standard variables say. Throws UnsupportedProtocolError for a protocol that is
 * not built in; every other fault in a variable is a diagnostic. Waits for no network.
 */
export function startTelemetry({ env, export: exporting, ...identity }: TelemetryOptions): Telemetry {
  const since = Date.now()
  const diagnostics = new Diagnostics()
  const environment = new Environment(env, (message) => diagnostics.sayOnce('warn', message))
  const propagator = choosePropagator(environment)
  ensureContextManager()
  const resource = describeService(identity, environment)
  const version = identity.serviceVersion
  const recording = new Recording({
    scope: { name: SCOPE, version },
    cardinalityLimit: CARDINALITY_LIMIT,
    maxBuckets: MAX_BUCKETS,
  })
  const counted = () => readCounted(recording, resource, since)
  if (environment.flag('OTEL_SDK_DISABLED')) return disabled(propagator, diagnostics, counted)

  routeDiagnostics(environment, diagnostics)
  const exported = openExport(exporting ?? {}, {
    environment,
    resource,
    diagnostics,
    userAgent: `rollcall/${version}`,
    producer: recording,
  })
  const { storage, reader, spans, logs, destination } = exported

  const meters = new MeterProvider({ resource, readers: reader ? [reader] : [] })
  const instruments = reader
    ? new HotInstruments({
        recording,
        others: sdkInstruments(meters, version, diagnostics),
        temporality: (type) => reader.selectAggregationTemporality(type),
        aggregation: (type) => reader.selectAggregation(type),
      })
    : noInstruments
  const stopRuntime = reader ? sampleRuntime(instruments) : () => {}
  recordCounts(instruments, storage)

  const tracers = new TracerProvider({
    resource,
    // Without an exporter a recorded span would be work for nothing; ids are still made and propagated.
    sampler: spans ? chooseSampler(environment) : new AlwaysOffSampler(),
    spanLimits: readSpanLimits(environment),
    spanProcessors: spans ? [spans] : [],
  })

  const loggers = new LoggerProvider({
    resource,
    logRecordLimits: readLogRecordLimits(environment),
    processors: logs ? [logs] : [],
  })

  let ended: Promise<void> | undefined
  async function end(timeoutMs: number): Promise<void> {
    stopRuntime()
    storage.beginShutdown(timeoutMs)
    // The last interval and its faults may still make spans and log records.
    await Promise.allSettled([meters.shutdown(), tracers.forceFlush(), loggers.forceFlush()])
    await Promise.allSettled([tracers.shutdown(), loggers.shutdown()])
  }

  const logger = loggers.getLogger(SCOPE, version)

  return {
    instruments,
    tracer: tracers.getTracer(SCOPE, version),
    logs: logger,
    propagator,
    diagnostics,
    destination,
    emitEvent: (event) => emitEvent(logger, event),
    counted,
    counts: () => storage.counts(),
    shutdown(timeoutMs = SHUTDOWN_TIMEOUT_MS) {
      ended ??= end(timeoutMs).catch((error) =>
        diagnostics.say('warn', 'telemetry failed in its shutdown', { err: error }),
      )
      return ended
    },
  }
}

function sdkInstruments(meters: MeterProvider, version: string, diagnostics: Diagnostics): Instruments {
  return new SdkInstruments(meters.getMeter(SCOPE, version), (error) =>
    diagnostics.sayOnce('warn', 'telemetry failed inside; its request went on', { err: error }),
  )
}

/** The context manager is one for the process; a second start (tests make many) must not try to replace it. */
function ensureContextManager(): void {
  if (contextManagerSet) return
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  contextManagerSet = true
}
let contextManagerSet = false

/** OTEL_SDK_DISABLED: nothing is recorded or sent; propagators stay, as the specification asks. */
function disabled(
  propagator: TextMapPropagator,
  diagnostics: Diagnostics,
  counted: Telemetry['counted'],
): Telemetry {
  return {
    instruments: noInstruments,
    tracer: new ProxyTracerProvider().getTracer(SCOPE),
    logs: createNoopLogger(),
    propagator,
    diagnostics,
    destination: 'off',
    emitEvent: () => {},
    counted,
    counts: () => NOTHING_COUNTED,
    shutdown: async () => {},
  }
}

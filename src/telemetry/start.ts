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
  Bookkeeper,
  type Books,
  CARDINALITY_LIMIT,
  chooseAggregation,
  chooseTemporality,
  Environment,
  type ExportOptions,
  ExportPipeline,
  exporterKind,
  MAX_BUCKETS,
  Notices,
  readOtlp,
  type Signal,
} from '@rollcall/durable-otlp-exporter'
import { consoleLogRecords, consoleMetrics, consoleSpans } from './console-export.ts'
import { routeDiagnostics } from './diagnostics.ts'
import { type Instruments, noInstruments } from './instruments.ts'
import { recordBooks } from './pipeline-metrics.ts'
import { choosePropagator } from './propagators.ts'
import { HotInstruments } from './recording/hot-instruments.ts'
import { Recording } from './recording/recording.ts'
import { describeService, type ServiceIdentity } from './resource.ts'
import { sampleRuntime } from './runtime.ts'
import { chooseSampler } from './sampler.ts'
import { SdkInstruments } from './sdk-instruments.ts'
import { readLogRecordLimits, readSpanLimits } from './sdk-limits.ts'

export interface TelemetryOptions extends ServiceIdentity {
  /** The standard OTEL_* variables are read from here. */
  env: NodeJS.ProcessEnv
  /** How what is exported waits, in memory and on disk. */
  export?: ExportOptions
}

export interface Telemetry {
  readonly instruments: Instruments
  readonly tracer: Tracer
  readonly logs: Logger
  readonly propagator: TextMapPropagator
  /** What telemetry says about itself, for the log. */
  readonly notices: Notices
  /** Where metrics go, for people: a URL, `console` or `off`. */
  readonly destination: string
  /** What became of everything that was recorded, at this moment. */
  books(): Books
  /** Sends what is left for at most `timeoutMs`, puts the rest on disk and ends everything; once, and never throws. */
  shutdown(timeoutMs?: number): Promise<void>
}

const SCOPE = 'rollcall'

/** Longest that a shutdown waits for a receiver that does not answer. */
const SHUTDOWN_TIMEOUT_MS = 5000

/**
 * Starts metrics, traces and logs as the standard variables say. Throws UnsupportedProtocolError for a protocol that is not built
 * in; everything else that is wrong with a variable is a notice. Nothing here waits for the network.
 */
export function startTelemetry({ env, export: exporting, ...identity }: TelemetryOptions): Telemetry {
  const notices = new Notices()
  const environment = new Environment(env, (message) => notices.sayOnce('warn', message))
  const propagator = choosePropagator(environment)
  ensureContextManager()
  if (environment.flag('OTEL_SDK_DISABLED')) return disabled(propagator, notices)

  routeDiagnostics(environment, notices)
  const resource = describeService(identity, environment)
  const version = identity.serviceVersion
  const recording = new Recording({
    scope: { name: SCOPE, version },
    cardinalityLimit: CARDINALITY_LIMIT,
    maxBuckets: MAX_BUCKETS,
  })
  const pipeline = new ExportPipeline({
    ...exporting,
    environment,
    resource,
    notices,
    userAgent: `rollcall/${version}`,
    producer: recording,
  })
  const toConsole = (signal: Signal) => exporterKind(environment, signal) === 'console'

  const reader = toConsole('metrics') ? consoleMetrics(environment) : pipeline.metrics
  const meters = new MeterProvider({ resource, readers: reader ? [reader] : [] })
  const ordinary = reader ? sdkInstruments(meters, version, notices) : noInstruments
  const instruments =
    reader !== undefined && reader === pipeline.metrics
      ? new HotInstruments({
          recording,
          others: ordinary,
          temporality: chooseTemporality(environment),
          aggregation: chooseAggregation(environment),
        })
      : ordinary
  const stopRuntime = reader ? sampleRuntime(instruments) : () => {}
  recordBooks(instruments, pipeline)

  const spans = toConsole('traces') ? consoleSpans(environment) : pipeline.spans
  const tracers = new TracerProvider({
    resource,
    // Without an exporter a recorded span would be work for nothing; ids are still made and propagated.
    sampler: spans ? chooseSampler(environment) : new AlwaysOffSampler(),
    spanLimits: readSpanLimits(environment),
    spanProcessors: spans ? [spans] : [],
  })

  const records = toConsole('logs') ? consoleLogRecords(environment) : pipeline.logs
  const loggers = new LoggerProvider({
    resource,
    logRecordLimits: readLogRecordLimits(environment),
    processors: records ? [records] : [],
  })

  let ended: Promise<void> | undefined
  async function end(timeoutMs: number): Promise<void> {
    stopRuntime()
    pipeline.beginEnd(timeoutMs)
    await Promise.allSettled([meters.shutdown(), tracers.shutdown(), loggers.shutdown()])
    const { isComplete, onDisk, dropped } = await pipeline.end()
    if (!isComplete || dropped > 0)
      notices.say('warn', `telemetry was not all sent within ${timeoutMs} ms of the shutdown`, { dropped })
    if (Object.keys(onDisk).length > 0)
      notices.say('info', 'telemetry that was not sent waits on disk for the next start', onDisk)
  }

  return {
    instruments,
    tracer: tracers.getTracer(SCOPE, version),
    logs: loggers.getLogger(SCOPE, version),
    propagator,
    notices,
    destination: destinationOf(environment),
    books: () => pipeline.books(),
    shutdown(timeoutMs = SHUTDOWN_TIMEOUT_MS) {
      ended ??= end(timeoutMs).catch((error) =>
        notices.say('warn', 'telemetry failed in its shutdown', { err: error }),
      )
      return ended
    },
  }
}

function sdkInstruments(meters: MeterProvider, version: string, notices: Notices): Instruments {
  return new SdkInstruments(meters.getMeter(SCOPE, version), (error) =>
    notices.sayOnce('warn', 'telemetry failed inside; the request it belongs to went on', { err: error }),
  )
}

/** The context manager is one for the process; a second start (tests make many) must not try to replace it. */
function ensureContextManager(): void {
  if (contextManagerSet) return
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  contextManagerSet = true
}
let contextManagerSet = false

const NOTHING_RECORDED: Books = {
  metrics: new Bookkeeper().account(0),
  traces: new Bookkeeper().account(0),
  logs: new Bookkeeper().account(0),
}

/** OTEL_SDK_DISABLED: nothing is recorded or sent; propagators stay, as the specification asks. */
function disabled(propagator: TextMapPropagator, notices: Notices): Telemetry {
  return {
    instruments: noInstruments,
    tracer: new ProxyTracerProvider().getTracer(SCOPE),
    logs: createNoopLogger(),
    propagator,
    notices,
    destination: 'off',
    books: () => NOTHING_RECORDED,
    shutdown: async () => {},
  }
}

function destinationOf(environment: Environment): string {
  const kind = exporterKind(environment, 'metrics')
  if (kind === 'otlp') return readOtlp(environment, 'metrics').url
  return kind === 'none' ? 'off' : kind
}

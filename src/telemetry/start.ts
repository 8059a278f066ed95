import {
  context,
  createNoopLogger,
  type Logger,
  ProxyTracerProvider,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { AlwaysOffSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { routeDiagnostics } from './diagnostics.ts'
import { Environment } from './environment.ts'
import { watchExports } from './export-watch.ts'
import { exporterKind, logRecordExporter, metricExporter, spanExporter } from './exporters.ts'
import { type Instruments, noInstruments } from './instruments.ts'
import { Notices } from './notices.ts'
import { readOtlp, type Signal } from './otlp-settings.ts'
import { choosePropagator } from './propagators.ts'
import { describeService, type ServiceIdentity } from './resource.ts'
import { sampleRuntime } from './runtime.ts'
import { chooseSampler } from './sampler.ts'
import { SdkInstruments } from './sdk-instruments.ts'
import { readBatching, readLogRecordLimits, readMetricTimes, readSpanLimits } from './settings.ts'

export interface TelemetryOptions extends ServiceIdentity {
  /** The standard OTEL_* variables are read from here. */
  env: NodeJS.ProcessEnv
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
  /** Sends what is left, for at most `timeoutMs`, and ends everything; once, and never throws. */
  shutdown(timeoutMs?: number): Promise<void>
}

const SCOPE = 'rollcall'

/** Longest that a shutdown waits for a receiver that does not answer. */
const SHUTDOWN_TIMEOUT_MS = 5000

/**
 * Starts metrics, traces and logs as the standard variables say. Throws ConfigError for a protocol that is not built
 * in; everything else that is wrong with a variable is a notice. Nothing here waits for the network.
 */
export function startTelemetry({ env, ...identity }: TelemetryOptions): Telemetry {
  const notices = new Notices()
  const environment = new Environment(env, (message) => notices.sayOnce('warn', message))
  const propagator = choosePropagator(environment)
  ensureContextManager()
  if (environment.flag('OTEL_SDK_DISABLED')) return disabled(propagator, notices)

  routeDiagnostics(environment, notices)
  const resource = describeService(identity, environment)
  const version = identity.serviceVersion
  const watched = <E extends Parameters<typeof watchExports>[0]>(exporter: E | undefined, signal: Signal) =>
    exporter && watchExports(exporter, signal, notices)

  const metrics = watched(metricExporter(environment), 'metrics')
  const meters = new MeterProvider({
    resource,
    readers: metrics ? [metricReader(metrics, environment)] : [],
  })
  const instruments = metrics ? sdkInstruments(meters, version, notices) : noInstruments
  const stopRuntime = metrics ? sampleRuntime(instruments) : () => {}

  const spans = watched(spanExporter(environment), 'traces')
  const tracers = new TracerProvider({
    resource,
    // Without an exporter a recorded span would be work for nothing; ids are still made and propagated.
    sampler: spans ? chooseSampler(environment) : new AlwaysOffSampler(),
    spanLimits: readSpanLimits(environment),
    spanProcessors: spans
      ? [new BatchSpanProcessor({ exporter: spans, ...readBatching(environment, 'OTEL_BSP', 5000) })]
      : [],
  })

  const records = watched(logRecordExporter(environment), 'logs')
  const loggers = new LoggerProvider({
    resource,
    logRecordLimits: readLogRecordLimits(environment),
    processors: records
      ? [new BatchLogRecordProcessor({ exporter: records, ...readBatching(environment, 'OTEL_BLRP', 1000) })]
      : [],
  })

  let ended: Promise<void> | undefined
  async function end(timeoutMs: number): Promise<void> {
    stopRuntime()
    const flushed = Promise.allSettled([meters.shutdown(), tracers.shutdown(), loggers.shutdown()])
    if (!(await within(flushed, timeoutMs)))
      notices.say('warn', `telemetry was not all sent within ${timeoutMs} ms of the shutdown`)
  }

  return {
    instruments,
    tracer: tracers.getTracer(SCOPE, version),
    logs: loggers.getLogger(SCOPE, version),
    propagator,
    notices,
    destination: destinationOf(environment),
    shutdown(timeoutMs = SHUTDOWN_TIMEOUT_MS) {
      ended ??= end(timeoutMs)
      return ended
    },
  }
}

function metricReader(
  exporter: NonNullable<ReturnType<typeof metricExporter>>,
  environment: Environment,
): PeriodicExportingMetricReader {
  return new PeriodicExportingMetricReader({
    exporter,
    ...readMetricTimes(environment),
    cardinalityLimits: { default: CARDINALITY_LIMIT },
  })
}

/** Above what the catalogue allows: every attribute is from a closed set, and the SDK's 2000 would fold real series. */
const CARDINALITY_LIMIT = 20_000

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

/** OTEL_SDK_DISABLED: nothing is recorded or sent; propagators stay, as the specification asks. */
function disabled(propagator: TextMapPropagator, notices: Notices): Telemetry {
  return {
    instruments: noInstruments,
    tracer: new ProxyTracerProvider().getTracer(SCOPE),
    logs: createNoopLogger(),
    propagator,
    notices,
    destination: 'off',
    shutdown: async () => {},
  }
}

function destinationOf(environment: Environment): string {
  const kind = exporterKind(environment, 'metrics')
  if (kind === 'otlp') return readOtlp(environment, 'metrics').url
  return kind === 'none' ? 'off' : kind
}

async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(resolve, timeoutMs, false)
  const done = await Promise.race([work.then(() => true), late])
  clearTimeout(timer)
  return done
}

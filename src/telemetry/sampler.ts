import {
  type Attributes,
  type Context,
  type Link,
  type SpanKind,
  type TraceState,
  trace,
} from '@opentelemetry/api'
import { TraceState as W3CTraceState } from '@opentelemetry/core'
import {
  AlwaysOffSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
} from '@opentelemetry/sdk-trace'
import type { Environment } from '@rollcall/durable-otlp-exporter'
import {
  formatSamplingState,
  parseSamplingState,
  RANDOM_DIGITS,
  randomnessOf,
  type SamplingState,
  thresholdOf,
} from './sampling-state.ts'

/** The specification's default keeps all traces; one in ten is kept here. */
export const DEFAULT_SAMPLING_RATIO = 0.1

/**
 * Keeps a part of all traces, decided by the trace's own randomness, and writes the threshold into tracestate, so that
 * a counter of sampled spans can weigh each by `2^56 / (2^56 - threshold)`. The SDK's own ratio sampler decides by
 * other bits and writes nothing: counts derived from its spans are a tenth of the truth.
 */
export class ConsistentRatioSampler implements Sampler {
  readonly #probability: number
  readonly #threshold: bigint
  readonly #thresholdText: string
  /** For traces without a sampling state, which are nearly all: making these results anew takes a microsecond. */
  readonly #kept: SamplingResult
  readonly #leftOut: SamplingResult

  constructor(probability: number) {
    this.#probability = probability
    this.#threshold = thresholdOf(probability)
    this.#thresholdText = this.#threshold.toString(16).padStart(RANDOM_DIGITS, '0')
    this.#kept = this.#result(true, undefined, parseSamplingState(undefined))
    this.#leftOut = this.#result(false, undefined, parseSamplingState(undefined))
  }

  shouldSample(
    context: Context,
    traceId: string,
    _name: string,
    _kind: SpanKind,
    _attributes: Attributes,
    _links: Link[],
  ): SamplingResult {
    const parentState = trace.getSpanContext(context)?.traceState
    // Compared as text: both are lower-case hexadecimal of one length.
    if (parentState === undefined)
      return traceId.slice(-RANDOM_DIGITS) >= this.#thresholdText ? this.#kept : this.#leftOut
    const sampling = parseSamplingState(parentState.get('ot'))
    const kept = (sampling.randomness ?? randomnessOf(traceId)) >= this.#threshold
    return this.#result(kept, parentState, sampling)
  }

  #result(kept: boolean, parentState: TraceState | undefined, sampling: SamplingState): SamplingResult {
    return {
      decision: kept ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
      traceState: withSamplingState(
        parentState,
        formatSamplingState({ ...sampling, threshold: kept ? this.#threshold : undefined }),
      ),
    }
  }

  toString(): string {
    return `ConsistentRatioSampler{${this.#probability}}`
  }
}

function withSamplingState(parent: TraceState | undefined, ot: string | undefined): TraceState {
  const state = parent ?? new W3CTraceState()
  return ot === undefined ? state.unset('ot') : state.set('ot', ot)
}

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/**
 * OTEL_TRACES_SAMPLER and its argument. If unset, one trace in ten is kept, or the argument's part. A continued trace
 * keeps its caller's decision and threshold.
 */
export function chooseSampler(environment: Environment): Sampler {
  const fallback = environment.text('OTEL_TRACES_SAMPLER') === undefined ? DEFAULT_SAMPLING_RATIO : 1
  const name = environment.choice('OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_traceidratio')
  const ratio = environment.ratio('OTEL_TRACES_SAMPLER_ARG', fallback)
  const root = rootSampler(name.replace('parentbased_', ''), ratio)
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'always_off' || (name === 'traceidratio' && ratio < MIN_PROBABILITY))
    return new AlwaysOffSampler()
  return new ConsistentRatioSampler(name === 'always_on' ? 1 : ratio)
}

/** The smallest probability that 56 bits can hold, above never. */
const MIN_PROBABILITY = 2 ** -56

import type { TextMapPropagator } from '@opentelemetry/api'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import type { Environment } from '@rollcall/durable-otlp-exporter'

/** OTEL_PROPAGATORS: `tracecontext`, `baggage` or `none`; both by default. */
export function choosePropagator(environment: Environment): TextMapPropagator {
  const names = environment.list('OTEL_PROPAGATORS', ['tracecontext', 'baggage', 'none'] as const) ?? [
    'tracecontext',
    'baggage',
  ]
  if (names.includes('none')) return new CompositePropagator()
  return new CompositePropagator({
    propagators: names.map((name) =>
      name === 'baggage' ? new W3CBaggagePropagator() : new W3CTraceContextPropagator(),
    ),
  })
}

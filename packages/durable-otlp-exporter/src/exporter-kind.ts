import type { Environment } from './environment.ts'
import type { Signal } from './otlp-settings.ts'

/** Where a signal goes. `none`: nothing is exported and nothing is kept for it. */
export function exporterKind(environment: Environment, signal: Signal): 'otlp' | 'console' | 'none' {
  return environment.choice(
    `OTEL_${signal.toUpperCase()}_EXPORTER`,
    ['otlp', 'console', 'none'] as const,
    'otlp',
  )
}

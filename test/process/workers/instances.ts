import type { OtlpReceiver } from '../../support/otlp-receiver.ts'
import type { LogLine } from '../../support/service.ts'

/** Of the signals, only metrics leave. */
export const METRICS = { OTEL_METRICS_EXPORTER: 'otlp' }

/** Of each slot the process that took it last. */
export const pidsOf = (lines: readonly LogLine[]) =>
  new Map(
    lines.filter(({ msg }) => msg === 'worker started').map(({ slot, pid }) => [Number(slot), Number(pid)]),
  )

export const instancesOf = (receiver: OtlpReceiver, metric: string) =>
  [...new Set(receiver.metrics(metric).map(({ resource }) => String(resource['service.instance.id'])))].sort()

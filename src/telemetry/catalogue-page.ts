import type { AttributeDefinition, MetricDefinition, MetricKind } from '@rollcall/fastify-route-telemetry'
import { METRICS } from './catalogue.ts'
import { METRIC_EXPORT_INTERVAL_MS } from './otel-variables.ts'
import {
  type Attributes,
  EVENT_ATTRIBUTES,
  EVENT_NAME,
  LOG_ATTRIBUTES,
  RESOURCE_ATTRIBUTES,
  SPAN_EVENTS,
  SPANS,
  type SpanDefinition,
} from './record-catalogue.ts'
import { DEFAULT_SAMPLING_RATIO } from './sampler.ts'
import { mostSeries } from './series.ts'
import { SPAN_METRICS } from './span-metrics.ts'

const KINDS: Record<MetricKind, string> = {
  counter: 'counter, delta',
  'up-down counter': 'up-down counter, cumulative as OTLP has it',
  histogram: 'exponential histogram, delta',
  gauge: 'gauge',
}

const DEFAULTS = `The standard \`OTEL_*\` variables work as the specification says. Five defaults are others here:

| variable | default here | why |
|---|---|---|
| \`OTEL_METRIC_EXPORT_INTERVAL\` | \`${METRIC_EXPORT_INTERVAL_MS}\` ms | a load test lasts minutes; the service sends the first after 1 s, and every 5 s to a viewer that it finds or starts |
| \`OTEL_TRACES_SAMPLER_ARG\` | \`${DEFAULT_SAMPLING_RATIO}\`, with \`parentbased_traceidratio\` | every request is counted anyway |
| \`OTEL_EXPORTER_OTLP_PROTOCOL\` | \`http/json\` | the viewer reads it, and so do people; \`grpc\` is not built in |
| \`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE\` | \`delta\` | Datadog takes nothing else |
| \`OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION\` | \`base2_exponential_bucket_histogram\` | percentiles within 1 % |`

const COUNTS = `The exporter counts its work. For each signal, over any time that begins with the process,
\`rollcall.telemetry.recorded\` + \`rollcall.telemetry.restored\` = \`otel.sdk.exporter.*.exported\` without \`error.type\`
+ \`otel.sdk.exporter.*.inflight\` + \`rollcall.telemetry.dead_letters\` + \`rollcall.telemetry.dropped\` other than
\`dead_letters_full\`, which had been dead letters before. They are read just before each collection, so the points of that
collection are in the next one's.`

/** `docs/telemetry.md`: the catalogue for people, in Markdown. */
export function cataloguePage(): string {
  const metrics: MetricDefinition[] = Object.values(METRICS)
  return `${[
    '# Telemetry',
    '<!-- Generated from src/telemetry/catalogue.ts by `npm run docs`; change it there. -->',
    'Every metric that the service emits, and nothing else. Histograms are exponential (base 2), sums are deltas; all ' +
      'times are in seconds. Every point carries the resource attributes `service.name`, `service.version`, ' +
      '`service.instance.id`, `deployment.environment.name`, `host.name` and `support`.',
    'The number of series is the worst case of one process; `npm run docs` computes it from the routes and writes it ' +
      'to `telemetry-budget.json`, so that its diff shows a change. It counts some series that never occur: `CONNECT`, which never becomes a request; ' +
      'result codes that one statement cannot end with; statuses that a route shares with all of its kind, and cut off ' +
      'after each. Only events that happen make series, so there are far fewer.',
    overview(metrics),
    DEFAULTS,
    COUNTS,
    ...metrics.map((metric) => section(metric)),
    ...records(),
    '## Metrics of spans',
    'Metrics that the Collector makes of the spans: estimates, as exact as the sampling.',
    ...Object.values<MetricDefinition>(SPAN_METRICS).map((metric) => section(metric, '###')),
  ].join('\n\n')}\n`
}

function overview(metrics: readonly MetricDefinition[]): string {
  const rows = metrics.map(
    (metric) =>
      `| [\`${metric.name}\`](#${anchor(metric.name)}) | ${metric.kind} | \`${metric.unit}\` | ${
        Object.keys(metric.attributes)
          .map((name) => `\`${name}\``)
          .join(', ') || '–'
      } |`,
  )
  return ['| metric | kind | unit | attributes |', '|---|---|---|---|', ...rows].join('\n')
}

function section(metric: MetricDefinition, heading = '##'): string {
  const facts = [
    `- Kind: ${KINDS[metric.kind]}; ${metric.unit === '' ? 'no unit' : `unit \`${metric.unit}\``}`,
    metric.clock && `- Clock: ${metric.clock}`,
    metric.leavesOut && `- Leaves out: ${metric.leavesOut}`,
    `- Series at most: ${metric.series?.formula ?? mostSeries(metric, { routes: [] })}`,
    `- Source: ${metric.source}`,
  ].filter((line) => line !== undefined)
  const hasAttributes = Object.keys(metric.attributes).length > 0
  return [
    `${heading} ${metric.name}`,
    metric.description,
    facts.join('\n'),
    ...(hasAttributes ? [attributeTable(metric.attributes)] : []),
  ].join('\n\n')
}

function attributeTable(attributes: Attributes): string {
  const rows = Object.entries(attributes).map(
    ([name, attribute]) => `| \`${name}\` | ${allowed(attribute)} |`,
  )
  return ['| attribute | allowed values |', '|---|---|', ...rows].join('\n')
}

function records(): string[] {
  const spans = Object.values<SpanDefinition>(SPANS).flatMap(
    ({ kind, name, clock, source, links, attributes }) => [
      `### A ${kind} span for each ${kind === 'server' ? 'request' : 'query'}`,
      `- Name: ${name}\n- Clock: ${clock}\n${links === undefined ? '' : `- Links: ${links}\n`}- Source: ${source}`,
      attributeTable(attributes),
    ],
  )
  const events = Object.entries(SPAN_EVENTS).flatMap(([name, attributes]) => [
    `### Event \`${name}\``,
    attributeTable(attributes),
  ])
  return [
    '## Spans',
    'Only sampled spans exist. Their attributes may hold text from outside, because a span is no series.',
    ...spans,
    ...events,
    '## Log records',
    'Warnings and errors, with the trace and span id of their request. The body is the message.',
    attributeTable(LOG_ATTRIBUTES),
    '### Events',
    `Log records of \`POST /v1/admin/events\`: their event name is \`${EVENT_NAME}\`, and their body is the text of the event, or else its title.`,
    attributeTable(EVENT_ATTRIBUTES),
    '## Resource',
    'Attributes of all telemetry of a process; `OTEL_RESOURCE_ATTRIBUTES` may add to them.',
    attributeTable(RESOURCE_ATTRIBUTES),
  ]
}

function allowed({ values, boundedBy, missing }: AttributeDefinition): string {
  const set = values ? values.map((value) => `\`${value}\``).join(', ') : `bounded by ${boundedBy}`
  return missing === undefined ? set : `${set}; ${missing}`
}

function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^a-z0-9_-]/g, '')
}

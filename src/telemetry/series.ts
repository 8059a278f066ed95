import type {
  AttributeDefinition,
  AttributeValue,
  MetricDefinition,
  SeriesAttributes,
  ServiceShape,
} from '@rollcall/fastify-route-telemetry'

/** Every series that one process with these routes can make of a metric: the worst case, not the usual one. */
export function seriesOf(metric: MetricDefinition, shape: ServiceShape): Iterable<SeriesAttributes> {
  return metric.series ? metric.series.all(shape) : combinations(metric.attributes)
}

/** The number of these series. */
export function mostSeries(metric: MetricDefinition, shape: ServiceShape): number {
  let count = 0
  for (const _ of seriesOf(metric, shape)) count += 1
  return count
}

/** One text for each attribute set, in any order of its keys. */
export function seriesKey(attributes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function* combinations(
  attributes: Readonly<Record<string, AttributeDefinition>>,
): Iterable<SeriesAttributes> {
  let sets: SeriesAttributes[] = [{}]
  for (const [name, attribute] of Object.entries(attributes)) {
    const values = valuesOf(name, attribute)
    sets = sets.flatMap((set) =>
      values.map((value) => (value === undefined ? set : { ...set, [name]: value })),
    )
  }
  yield* sets
}

/** `undefined` among them stands for a missing attribute. */
function valuesOf(
  name: string,
  { values, missing }: AttributeDefinition,
): readonly (AttributeValue | undefined)[] {
  if (!values)
    throw new Error(`${name} has no closed set of values: its metric must say which series there are`)
  return missing === undefined ? values : [...values, undefined]
}

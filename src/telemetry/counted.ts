import type { Resource } from '@opentelemetry/resources'
import { ATTR_SERVICE_INSTANCE_ID } from '@opentelemetry/semantic-conventions'
import { METRICS } from './catalogue.ts'
import type { Recording } from './recording/recording.ts'

/** What this process has counted since its start: the sums of all points that it has sent and will send. */
export interface Counted {
  /** `service.instance.id`, the tag of this process on each point. */
  readonly instanceId: string
  /** Its start, in milliseconds since the epoch. */
  readonly since: number
  readonly viewsByPage: Readonly<Record<string, number>>
  readonly queriesByPage: Readonly<Record<string, { readonly count: number; readonly totalSeconds: number }>>
}

/** Reads from the accumulators of the metrics, so counting costs a request nothing further. */
export async function readCounted(recording: Recording, resource: Resource, since: number): Promise<Counted> {
  // A process may take its name from the port that it is given.
  await resource.waitForAsyncAttributes?.()
  return {
    instanceId: String(resource.attributes[ATTR_SERVICE_INSTANCE_ID]),
    since,
    viewsByPage: Object.fromEntries(
      recording.sums(METRICS.pageViews).map(({ attributes, sum }) => [String(attributes.page), sum]),
    ),
    queriesByPage: Object.fromEntries(
      recording
        .distributions(METRICS.queryTime)
        .map(({ attributes, count, sum }) => [String(attributes.page), { count, totalSeconds: sum }]),
    ),
  }
}

import {
  defaultResource,
  type MaybePromise,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import {
  ATTR_DEPLOYMENT_ENVIRONMENT_NAME,
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions'
import type { Environment } from '@rollcall/durable-otlp-exporter'
import { ATTR_HOST_NAME } from './semconv.ts'

export interface ServiceIdentity {
  serviceVersion: string
  hostName: string
  /** The tag `support` of every metric. */
  supportTag: string
  /** Unique for each live process; a promise if it is known only once the service listens. */
  instanceId: MaybePromise<string>
  /** The number of this process among those that share an `instanceId`. */
  slot?: number
}

/**
 * The tags of all telemetry of this process. OTEL_RESOURCE_ATTRIBUTES overrides the service's own values, and
 * OTEL_SERVICE_NAME overrides both; no cloud's metadata service is asked, because that would delay the start.
 */
export function describeService(identity: ServiceIdentity, environment: Environment): Resource {
  const serviceName = environment.text('OTEL_SERVICE_NAME')
  const own = {
    [ATTR_SERVICE_NAME]: 'rollcall',
    [ATTR_SERVICE_VERSION]: identity.serviceVersion,
    [ATTR_SERVICE_INSTANCE_ID]: identity.instanceId,
    [ATTR_DEPLOYMENT_ENVIRONMENT_NAME]: 'development',
    [ATTR_HOST_NAME]: identity.hostName,
    support: identity.supportTag,
  }
  const said = {
    ...own,
    ...environment.pairs('OTEL_RESOURCE_ATTRIBUTES'),
    ...(serviceName !== undefined && { [ATTR_SERVICE_NAME]: serviceName }),
  }
  const instanceId = instanceIdOf(said[ATTR_SERVICE_INSTANCE_ID] || identity.instanceId, identity.slot)
  return defaultResource().merge(resourceFromAttributes({ ...said, [ATTR_SERVICE_INSTANCE_ID]: instanceId }))
}

/** Processes that share a name, from any source, must not share their series. */
function instanceIdOf(shared: MaybePromise<string>, slot: number | undefined): MaybePromise<string> {
  if (slot === undefined) return shared
  return typeof shared === 'string' ? `${shared}/${slot}` : shared.then((name) => `${name}/${slot}`)
}

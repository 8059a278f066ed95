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
  /** `support`, the tag that is on every metric. */
  supportTag: string
  /** Unique for each live process; a promise where it is known only once the service listens. */
  instanceId: MaybePromise<string>
  /** Which of the processes that share an `instanceId` this is. */
  slot?: number
}

/**
 * The tags of everything this process sends. OTEL_RESOURCE_ATTRIBUTES overrides what the service says of itself and
 * OTEL_SERVICE_NAME overrides both; no metadata service of any cloud is asked, because that would delay the start.
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

/** Wherever the name comes from, processes that share it must not share their series. */
function instanceIdOf(shared: MaybePromise<string>, slot: number | undefined): MaybePromise<string> {
  if (slot === undefined) return shared
  return typeof shared === 'string' ? `${shared}/${slot}` : shared.then((name) => `${name}/${slot}`)
}

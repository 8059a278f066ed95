import type { AnyValue, Attributes } from '@rollcall/otlp'
import { beginning } from './store/plain-values.ts'

/**
 * Resource attributes that become tags at Datadog, and the tags' names (DataDog/datadog-agent,
 * pkg/opentelemetry-mapping-go/otlp/attributes/attributes.go). All others are dropped.
 *
 * `service.instance.id` is left out on purpose: that file has it only since 2026, "for Fleet Automation", and counts are
 * lost wherever it does not apply. Here it counts if it is on the point.
 */
const RESOURCE_TAGS = new Map([
  ['deployment.environment', 'env'],
  ['deployment.environment.name', 'env'],
  ['service.name', 'service'],
  ['service.version', 'version'],
  ['container.id', 'container_id'],
  ['container.name', 'container_name'],
  ['container.image.name', 'image_name'],
  ['container.image.tag', 'image_tag'],
  ['container.runtime', 'runtime'],
  ['cloud.provider', 'cloud_provider'],
  ['cloud.region', 'region'],
  ['cloud.availability_zone', 'zone'],
  ['k8s.cluster.name', 'kube_cluster_name'],
  ['k8s.namespace.name', 'kube_namespace'],
  ['k8s.deployment.name', 'kube_deployment'],
  ['k8s.pod.name', 'pod_name'],
  ['k8s.container.name', 'kube_container_name'],
  ...['env', 'service', 'version', 'region', 'pod_name', 'container_id', 'container_name'].map(
    (name): [string, string] => [name, name],
  ),
])

const CUSTOM_TAG = 'datadog.container.tag.'

/** The first attribute that is set. Datadog's second choice, the attributes of clouds, is left out. */
const HOST_ATTRIBUTES = ['datadog.host.name', 'k8s.node.name', 'host.id', 'host.name']

export function hostOf(resource: Attributes): string {
  for (const name of HOST_ATTRIBUTES) {
    const value = resource[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return ''
}

export function resourceTags(resource: Attributes): string[] {
  return Object.entries(resource).flatMap(([name, value]) => {
    if (typeof value !== 'string' || value === '') return []
    const tag = name.startsWith(CUSTOM_TAG) ? name.slice(CUSTOM_TAG.length) : RESOURCE_TAGS.get(name)
    return tag === undefined ? [] : [`${tag}:${value}`]
  })
}

/** Every attribute of a point becomes a tag. */
export function pointTags(attributes: Attributes): string[] {
  return Object.entries(attributes).map(([name, value]) => `${name}:${textOf(value) || 'n/a'}`)
}

function textOf(value: AnyValue): string {
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part))
}

const MAX_LENGTH = 200

/**
 * A tag as Datadog stores it: lower case, `_` for most signs, 200 characters (docs "Getting started with tags"). Two tags
 * with the same result are the same series.
 */
export function normalized(tag: string): string {
  return (
    // Before the rest: a sender's text may be megabytes long.
    beginning(tag, 2 * MAX_LENGTH)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\-:./]/gu, '_')
      .slice(0, MAX_LENGTH)
  )
}

import type { AttributeValue, AttributeValues } from '../flat-telemetry.ts'

/**
 * What Datadog makes tags of (DataDog/datadog-agent, pkg/opentelemetry-mapping-go/otlp/attributes/attributes.go), read
 * there and not taken from the viewer's table: a tag that is wrong there must not be wrong here too. Resource
 * attributes that are not named are dropped.
 *
 * That file has `service.instance.id` since 2026, "for Fleet Automation". It is left out, because it would hide a
 * Collector that does not copy it onto the points, and counts would be lost wherever Datadog does not apply it.
 */
const RESOURCE_TAGS = new Map(
  Object.entries({
    'deployment.environment.name': 'env',
    'deployment.environment': 'env',
    'service.name': 'service',
    'service.version': 'version',
    'cloud.provider': 'cloud_provider',
    'cloud.region': 'region',
    'cloud.availability_zone': 'zone',
    'container.id': 'container_id',
    'container.name': 'container_name',
    'container.image.name': 'image_name',
    'container.image.tag': 'image_tag',
    'container.runtime': 'runtime',
    'aws.ecs.task.family': 'task_family',
    'aws.ecs.task.arn': 'task_arn',
    'aws.ecs.task.revision': 'task_version',
    'aws.ecs.cluster.arn': 'ecs_cluster_name',
    'aws.ecs.container.arn': 'ecs_container_name',
    'k8s.cluster.name': 'kube_cluster_name',
    'k8s.namespace.name': 'kube_namespace',
    'k8s.deployment.name': 'kube_deployment',
    'k8s.replicaset.name': 'kube_replica_set',
    'k8s.statefulset.name': 'kube_stateful_set',
    'k8s.daemonset.name': 'kube_daemon_set',
    'k8s.job.name': 'kube_job',
    'k8s.cronjob.name': 'kube_cronjob',
    'k8s.pod.name': 'pod_name',
    'k8s.container.name': 'kube_container_name',
    env: 'env',
    service: 'service',
    version: 'version',
    region: 'region',
    container_id: 'container_id',
    container_name: 'container_name',
    pod_name: 'pod_name',
  }),
)

/** The rest of such a name is the tag's. */
const CONTAINER_TAG = /^datadog\.container\.tag\.(.+)$/

/** `name:value` for each tag that a point has, of its resource and of its own: all of its attributes become tags. */
export function tagsOf(resource: AttributeValues, attributes: AttributeValues): string[] {
  const tags = Object.entries(attributes).map(([name, value]) => `${name}:${textOf(value) || 'n/a'}`)
  for (const [name, value] of Object.entries(resource)) {
    const tag = RESOURCE_TAGS.get(name) ?? CONTAINER_TAG.exec(name)?.[1]
    if (tag !== undefined && typeof value === 'string' && value !== '') tags.push(`${tag}:${value}`)
  }
  return tags
}

/** The first that is there. Those of the clouds come second at Datadog, and are not modelled. */
export function hostOf(resource: AttributeValues): string {
  const host =
    resource['datadog.host.name'] || resource['k8s.node.name'] || resource['host.id'] || resource['host.name']
  return typeof host === 'string' ? host : ''
}

function textOf(value: AttributeValue): string {
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part))
}

/**
 * How Datadog spells a tag: in lower case, with letters, digits and `_-:./`, and `_` for all other signs, 200 characters
 * at most (docs "Getting started with tags"). Tags that become the same are the same.
 */
export function normalized(tag: string): string {
  return tag
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\-:./]/gu, '_')
    .slice(0, 200)
}

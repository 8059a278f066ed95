import { SPAN_METRICS } from '../../src/telemetry/span-metrics.ts'

export interface ComponentNames {
  readonly metrics: readonly string[]
  readonly attributes: readonly string[]
}

/**
 * What components of the Collector emit, by the name under which a configuration has them: of their documentation
 * (`documentation.md` beside each, at the versions of collector/manifest.yaml) what is of use here. It counts only where
 * a configuration of ours has the component.
 */
export const COLLECTOR_NAMES: Readonly<Record<string, ComponentNames>> = {
  span_metrics: {
    metrics: Object.values(SPAN_METRICS).map(({ name }) => name),
    attributes: [
      ...Object.values(SPAN_METRICS).flatMap(({ attributes }) => Object.keys(attributes)),
      'collector.instance.id',
    ],
  },
  resource_detection: { metrics: [], attributes: ['host.name', 'os.type'] },
  host_metrics: {
    metrics: [
      'system.cpu.load_average.1m',
      'system.cpu.load_average.5m',
      'system.cpu.load_average.15m',
      'system.cpu.logical.count',
      'system.cpu.physical.count',
      'system.cpu.time',
      'system.cpu.utilization',
      'system.disk.io',
      'system.disk.io_time',
      'system.disk.merged',
      'system.disk.operation_time',
      'system.disk.operations',
      'system.disk.pending_operations',
      'system.disk.weighted_io_time',
      'system.filesystem.inodes.usage',
      'system.filesystem.usage',
      'system.filesystem.utilization',
      'system.memory.limit',
      'system.memory.usage',
      'system.memory.utilization',
      'system.network.connections',
      'system.network.dropped',
      'system.network.errors',
      'system.network.io',
      'system.network.packets',
      'system.paging.faults',
      'system.paging.operations',
      'system.paging.usage',
      'system.paging.utilization',
      'system.processes.count',
      'system.processes.created',
    ],
    attributes: ['cpu', 'state', 'device', 'direction', 'mode', 'mountpoint', 'type', 'status', 'os.type'],
  },
  http_check: {
    metrics: ['httpcheck.duration', 'httpcheck.error', 'httpcheck.status'],
    attributes: ['http.url', 'http.method', 'http.status_code', 'http.status_class', 'error.message'],
  },
  docker_stats: {
    metrics: [
      'container.blockio.io_service_bytes_recursive',
      'container.cpu.usage.kernelmode',
      'container.cpu.usage.total',
      'container.cpu.usage.usermode',
      'container.cpu.utilization',
      'container.memory.file',
      'container.memory.percent',
      'container.memory.total_cache',
      'container.memory.usage.limit',
      'container.memory.usage.total',
      'container.network.io.usage.rx_bytes',
      'container.network.io.usage.rx_dropped',
      'container.network.io.usage.tx_bytes',
      'container.network.io.usage.tx_dropped',
    ],
    attributes: [
      'container.id',
      'container.name',
      'container.image.name',
      'container.hostname',
      'container.runtime',
      'interface',
      'operation',
      'device_major',
      'device_minor',
      // What Datadog makes of the resource's attributes (packages/viewer/src/datadog-tags.ts).
      'container_id',
      'container_name',
      'image_name',
      'runtime',
    ],
  },
  datadog: {
    metrics: [
      'otel.datadog_exporter.logs.running',
      'otel.datadog_exporter.metrics.running',
      'otel.datadog_exporter.traces.running',
      'datadog.otel.gateway',
      'datadog.otel.gateway.configured',
    ],
    attributes: [],
  },
}

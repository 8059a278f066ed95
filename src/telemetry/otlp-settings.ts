import { parseKeyPairsIntoRecord } from '@opentelemetry/core'
import type { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { ConfigError } from '../config.ts'
import type { Environment } from './environment.ts'

export type Signal = 'metrics' | 'traces' | 'logs'

export interface OtlpSettings {
  readonly protocol: 'http/json' | 'http/protobuf'
  readonly url: string
  readonly headers: Record<string, string>
  readonly timeoutMillis: number
  readonly compression: CompressionAlgorithm
}

const DEFAULT_ENDPOINT = 'http://localhost:4318'

/**
 * OTEL_EXPORTER_OTLP_* of one signal: the signal's own variable goes before the general one. Certificates are read
 * by the exporters themselves. The default protocol is http/json here, which the viewer reads and people too.
 */
export function readOtlp(environment: Environment, signal: Signal): OtlpSettings {
  const own = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}`
  const general = 'OTEL_EXPORTER_OTLP'
  return {
    protocol: readProtocol(environment, own, general),
    url:
      environment.url(`${own}_ENDPOINT`) ??
      appendPath(environment.url(`${general}_ENDPOINT`) ?? DEFAULT_ENDPOINT, `v1/${signal}`),
    headers: {
      ...parseKeyPairsIntoRecord(environment.text(`${general}_HEADERS`)),
      ...parseKeyPairsIntoRecord(environment.text(`${own}_HEADERS`)),
    },
    timeoutMillis: environment.milliseconds(
      `${own}_TIMEOUT`,
      environment.milliseconds(`${general}_TIMEOUT`, 10_000),
    ),
    compression: environment.choice(
      `${own}_COMPRESSION`,
      COMPRESSIONS,
      environment.choice(`${general}_COMPRESSION`, COMPRESSIONS, 'none'),
    ) as CompressionAlgorithm,
  }
}

const COMPRESSIONS = ['none', 'gzip'] as const
const PROTOCOLS = ['http/json', 'http/protobuf', 'grpc'] as const

function readProtocol(environment: Environment, own: string, general: string): OtlpSettings['protocol'] {
  const inherited = environment.choice(`${general}_PROTOCOL`, PROTOCOLS, 'http/json')
  const protocol = environment.choice(`${own}_PROTOCOL`, PROTOCOLS, inherited)
  // Silently falling back would send HTTP to a gRPC port, and nothing would arrive.
  if (protocol === 'grpc')
    throw new ConfigError(
      'OTLP over gRPC is not built in; set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf or http/json, and the endpoint to the HTTP port (4318 on a Collector).',
    )
  return protocol
}

function appendPath(endpoint: string, path: string): string {
  const url = new URL(endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`
  return url.href
}

import { parseKeyPairsIntoRecord } from '@opentelemetry/core'
import type { Environment } from './environment.ts'

export const SIGNALS = ['metrics', 'traces', 'logs'] as const
export type Signal = (typeof SIGNALS)[number]

/** The configured protocol is not built in. The message says the mend. */
export class UnsupportedProtocolError extends Error {}

/** The receiver of one signal's requests, and its protocol. */
export interface OtlpEndpoint {
  readonly protocol: 'http/json' | 'http/protobuf'
  readonly url: string
  readonly headers: Record<string, string>
  readonly timeoutMillis: number
  readonly compression: 'none' | 'gzip'
  /** PEM, for https. */
  readonly certificates: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }
}

const DEFAULT_ENDPOINT = 'http://localhost:4318'

/**
 * OTEL_EXPORTER_OTLP_* of one signal: the signal's own variable overrides the general one. The default protocol is
 * http/json here: the viewer and people can read it.
 */
export function readOtlp(environment: Environment, signal: Signal): OtlpEndpoint {
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
    ),
    certificates: {
      ...readPem(environment, own, general, 'CERTIFICATE', 'ca'),
      ...readPem(environment, own, general, 'CLIENT_CERTIFICATE', 'cert'),
      ...readPem(environment, own, general, 'CLIENT_KEY', 'key'),
    },
  }
}

/** A file that cannot be read is left out with a warning. The connection then fails with its own error. */
function readPem(
  environment: Environment,
  own: string,
  general: string,
  name: string,
  as: 'ca' | 'cert' | 'key',
) {
  const variable = environment.text(`${own}_${name}`) === undefined ? `${general}_${name}` : `${own}_${name}`
  const content = environment.file(variable)
  return content && { [as]: content }
}

const COMPRESSIONS = ['none', 'gzip'] as const
const PROTOCOLS = ['http/json', 'http/protobuf', 'grpc'] as const

function readProtocol(environment: Environment, own: string, general: string): OtlpEndpoint['protocol'] {
  const inherited = environment.choice(`${general}_PROTOCOL`, PROTOCOLS, 'http/json')
  const protocol = environment.choice(`${own}_PROTOCOL`, PROTOCOLS, inherited)
  // Silently falling back would send HTTP to a gRPC port, and nothing would arrive.
  if (protocol === 'grpc')
    throw new UnsupportedProtocolError(
      'OTLP over gRPC is not built in; set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf or http/json, and the endpoint to the HTTP port (4318 on a Collector).',
    )
  return protocol
}

function appendPath(endpoint: string, path: string): string {
  const url = new URL(endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`
  return url.href
}

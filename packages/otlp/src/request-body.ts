import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type { Encoding } from './decode.ts'
import { DEFAULT_LIMITS, type OtlpLimits } from './limits.ts'
import { malformed, OtlpError } from './otlp-error.ts'

const ENCODINGS = new Map<string, Encoding>([
  ['application/x-protobuf', 'protobuf'],
  ['application/json', 'json'],
])

/** Throws 415 for any other type than the two of OTLP/HTTP. Parameters such as a character set are ignored. */
export function encodingOf(headers: IncomingHttpHeaders): Encoding {
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  const encoding = ENCODINGS.get(type.trim().toLowerCase())
  if (encoding === undefined)
    throw new OtlpError(415, `The content type must be ${[...ENCODINGS.keys()].join(' or ')}.`)
  return encoding
}

export interface RequestBody {
  /** The bytes as sent. */
  readonly sent: Buffer
  /** Decompressed. */
  readonly decoded: Buffer
}

/**
 * Reads and decompresses a request's body within the limits: both stop at the first byte over them. The rest stays in
 * the stream: close the connection after a refusal.
 */
export async function readRequestBody(
  stream: Readable,
  headers: IncomingHttpHeaders,
  limits: OtlpLimits = DEFAULT_LIMITS,
): Promise<RequestBody> {
  const decompress = decompressionOf(headers)
  const sent = await readAtMost(stream, Number(headers['content-length'] ?? 0), limits.maxBodyBytes)
  return { sent, decoded: await decompress(sent, limits.maxDecodedBytes) }
}

async function readAtMost(stream: Readable, announced: number, maxBytes: number): Promise<Buffer> {
  const tooLarge = () => new OtlpError(413, `The body is larger than ${maxBytes} bytes.`)
  if (announced > maxBytes) throw tooLarge()
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0
  // Not `for await`: it would destroy the stream, and with it the connection for the refusal.
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
    else {
      stream.removeAllListeners('data').pause()
      reject(tooLarge())
    }
  })
  stream.on('end', () => resolve(Buffer.concat(chunks)))
  stream.on('error', (cause) => reject(malformed('The body ended early.', cause)))
  return promise
}

type Decompress = (body: Buffer, maxBytes: number) => Promise<Buffer>

function decompressionOf(headers: IncomingHttpHeaders): Decompress {
  switch (headers['content-encoding']?.trim().toLowerCase() ?? 'identity') {
    case 'identity':
    case '':
      return async (body, maxBytes) => {
        if (body.length > maxBytes) throw tooMuch(maxBytes)
        return body
      }
    case 'gzip':
      return decompressing(promisify(gunzip))
    case 'deflate':
      return decompressing(promisify(inflate))
    default:
      throw new OtlpError(415, 'The content encoding must be gzip, deflate or none.')
  }
}

function decompressing(
  decompress: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>,
): Decompress {
  return async (body, maxBytes) => {
    try {
      return await decompress(body, { maxOutputLength: maxBytes })
    } catch (cause) {
      if ((cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooMuch(maxBytes)
      throw malformed('The body cannot be decompressed.', cause)
    }
  }
}

function tooMuch(maxBytes: number): OtlpError {
  return new OtlpError(413, `The body is larger than ${maxBytes} bytes after decompression.`)
}

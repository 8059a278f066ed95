import { generateKeyPairSync, sign } from 'node:crypto'

/**
 * A key and a certificate in PEM, made anew and good for a day: for 127.0.0.1, as authority, server and client alike.
 * Node can read certificates but not write them; this is RFC 5280 as far as one of these needs it.
 */
export function selfSignedCertificate(): { key: string; certificate: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(COMMON_NAME, element(0x0c, Buffer.from('rollcall-test')))))
  const signed = sequence(
    element(0xa0, integer(2)),
    integer(1),
    sequence(ECDSA_WITH_SHA256),
    name,
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(
      0xa3,
      sequence(extension(BASIC_CONSTRAINTS, IS_AUTHORITY), extension(SUBJECT_ALT_NAME, LOOPBACK)),
    ),
  )
  const der = sequence(signed, sequence(ECDSA_WITH_SHA256), bitString(sign('sha256', signed, privateKey)))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  }
}

const DAY_MS = 86_400_000

// Identifiers as they are encoded, after their tag and length.
const ECDSA_WITH_SHA256 = element(0x06, Buffer.from('2a8648ce3d040302', 'hex'))
const COMMON_NAME = element(0x06, Buffer.from('550403', 'hex'))
const BASIC_CONSTRAINTS = element(0x06, Buffer.from('551d13', 'hex'))
const SUBJECT_ALT_NAME = element(0x06, Buffer.from('551d11', 'hex'))

const IS_AUTHORITY = sequence(element(0x01, Buffer.from([0xff])))
const LOOPBACK = sequence(element(0x87, Buffer.from([127, 0, 0, 1])))

function element(tag: number, ...content: Buffer[]): Buffer {
  const all = Buffer.concat(content)
  const short = all.length < 128 ? [all.length] : [0x82, all.length >> 8, all.length & 255]
  return Buffer.concat([Buffer.from([tag, ...short]), all])
}

function sequence(...content: Buffer[]): Buffer {
  return element(0x30, ...content)
}

function set(...content: Buffer[]): Buffer {
  return element(0x31, ...content)
}

function integer(small: number): Buffer {
  return element(0x02, Buffer.from([small]))
}

function bitString(bytes: Buffer): Buffer {
  return element(0x03, Buffer.from([0]), bytes)
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/\D/g, '').slice(2, 14)
  return element(0x17, Buffer.from(`${digits}Z`))
}

function extension(identifier: Buffer, value: Buffer): Buffer {
  return sequence(identifier, element(0x04, value))
}

import { hash, randomBytes } from 'node:crypto'

const TOKEN_BYTES = 32

/** A session's secret: 256 random bits as 43 base64url characters. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url')
}

/** The stored form of a token. A plain digest will do: 256 random bits cannot be guessed. */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** Whether the text has a token's form; any other text needs no query. */
export function isToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text)
}

import { hash, randomBytes } from 'node:crypto'

const TOKEN_BYTES = 32

/** A session's secret: 256 random bits as 43 base64url characters. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url')
}

/** What is stored of a token. A plain digest will do: there is nothing to guess in 256 random bits. */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** Whether text has a token's form; anything else is no session without a look at the table. */
export function isToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text)
}

import { UnsupportedProtocolError } from '@rollcall/durable-otlp-exporter'
import { SettingError } from '@rollcall/viewer/settings'
import { ConfigError } from '../config.ts'
import { DatabaseError } from '../db/database-error.ts'

/** Why the service did not start: one sentence with the mend if we know the cause, else the whole error. */
export function startFailure(error: unknown): string {
  const isOurs =
    error instanceof ConfigError ||
    error instanceof SettingError ||
    error instanceof DatabaseError ||
    error instanceof UnsupportedProtocolError
  if (isOurs) return error.message
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  const isListening = syscall === 'listen' || syscall === 'bind'
  if (isListening && code === 'EADDRINUSE')
    return `Port ${port} on ${address} is taken; end the program that listens there, or set PORT to another one (0 takes a free one).`
  if (isListening && code === 'EACCES') return `Port ${port} needs more rights; set PORT to one above 1023.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST ${process.env.HOST} is no address of this machine; set it to one that is, such as 127.0.0.1.`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

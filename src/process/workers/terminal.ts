import { isatty } from 'node:tty'

const STANDARD_STREAMS = [0, 1, 2]

/**
 * SIGHUP has two meanings: the terminal has closed, or an operator asks for a restart. The system no longer reports a
 * closed terminal as one. Call the function at the start and its result when the signal comes.
 */
export function watchTerminal(): () => boolean {
  const terminals = STANDARD_STREAMS.filter((stream) => isatty(stream))
  return () => terminals.length > 0 && !terminals.some((stream) => isatty(stream))
}

/** Longest logged or kept text of a receiver or of the system. */
const MAX_LENGTH = 300

/** An error of the network or the file system in one line. Some have a code and no message. */
export function describeError(error: unknown): string {
  const { message = '', code } = (error ?? {}) as { message?: string; code?: unknown }
  const text = message === '' ? String(code ?? 'no reason given') : message
  return (code === undefined || text.includes(String(code)) ? text : `${text} (${code})`).slice(0, MAX_LENGTH)
}

/** The message of a refusal: from a google.rpc.Status in JSON, or the text as it is. */
export function messageIn(answer: Buffer): string {
  const text = answer.toString('utf8')
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message.slice(0, MAX_LENGTH) : ''
  } catch {
    // A Status in protobuf has its message as a field among a few bytes that are no text.
    return text
      .replaceAll(/[\p{C}\ufffd]+/gu, ' ')
      .trim()
      .slice(0, MAX_LENGTH)
  }
}

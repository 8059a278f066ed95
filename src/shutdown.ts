import closeWithGrace from 'close-with-grace'

type Close = (reason: { err?: Error | undefined }) => Promise<void>

/**
 * Runs `close` once and ends the process, with code 0 when all went well: at a signal, after an unexpected error, or
 * when the function is called that it returns, however often. A second signal ends the process at once; SIGHUP is
 * left to the caller, because a terminal that closes may send it twice.
 */
export function onShutdown(options: closeWithGrace.Options, close: Close): () => void {
  let isClosing = false
  const closing = closeWithGrace(
    { ...options, skip: ['SIGHUP', ...(options.skip ?? [])] },
    async (reason) => {
      isClosing = true
      await close(reason)
    },
  )
  return () => {
    if (!isClosing) void closing.close()
  }
}

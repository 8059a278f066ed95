export interface CheckLogger {
  warn(fields: object, message: string): void
}

/**
 * Runs a check at once and then at its interval, until the returned function is called. A failed run is logged, and the
 * next run comes as planned. While a run is still going, later ones are skipped.
 */
export function schedule(
  name: string,
  everyMs: number,
  run: () => void | Promise<void>,
  logger: CheckLogger,
): () => void {
  let running = false
  async function runOnce(): Promise<void> {
    if (running) return
    running = true
    try {
      await run()
    } catch (err) {
      logger.warn({ check: name, err }, 'check failed')
    } finally {
      running = false
    }
  }
  const timer = setInterval(runOnce, everyMs)
  // A check is no reason to keep a process alive.
  timer.unref()
  void runOnce()
  return () => clearInterval(timer)
}

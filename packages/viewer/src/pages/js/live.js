import { getJson } from './api.js'

/**
 * Reports new data: `news` with {metrics, traces, logs}, at most once a second, and `change` when pausing or the connection
 * changed. Listens to the viewer's stream, and asks for its status if the stream fails.
 */
class Live extends EventTarget {
  isPaused = false
  isConnected = true
  /** 0 until anything was stored. */
  version = 0
  #source
  #polling

  start() {
    // A page in the background must not hold one of the six connections that a browser opens.
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#close()
      else this.#open()
    })
    this.#open()
  }

  pause(isPaused = !this.isPaused) {
    if (isPaused === this.isPaused) return
    this.isPaused = isPaused
    this.#tell('change')
    if (!isPaused) this.#tell('news', { metrics: true, traces: true, logs: true })
  }

  #open() {
    if (this.#source || document.hidden) return
    this.#source = new EventSource('/api/stream')
    this.#source.addEventListener('data', ({ data }) => {
      this.#stopPolling()
      this.#take(JSON.parse(data))
    })
    this.#source.addEventListener('error', () => {
      // A refusal closes it for good. After all other failures the browser tries again.
      if (this.#source?.readyState === EventSource.CLOSED) this.#source = undefined
      // Its status shows whether the viewer is there: it may refuse streams alone.
      this.#poll()
    })
  }

  #close() {
    this.#source?.close()
    this.#source = undefined
    this.#stopPolling()
  }

  #stopPolling() {
    clearInterval(this.#polling)
    this.#polling = undefined
  }

  #poll() {
    if (this.#polling) return
    const ask = async () => {
      try {
        const { version } = await getJson('/api/status')
        if (version === this.version) this.#connect(true)
        else this.#take({ version, metrics: true, traces: true, logs: true })
        if (!this.#source) this.#open()
      } catch {
        this.#connect(false)
      }
    }
    this.#polling = setInterval(ask, 3000)
    void ask()
  }

  #take(news) {
    this.version = news.version
    this.#connect(true)
    if (!this.isPaused) this.#tell('news', news)
  }

  #connect(isConnected) {
    if (isConnected === this.isConnected) return
    this.isConnected = isConnected
    this.#tell('change')
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}

export const live = new Live()

/**
 * Runs an action at news of these signals, and at least at this interval. Never twice at once, and not in a hidden
 * page.
 */
export function onNews(signals, action, { atLeastEveryMs = 0 } = {}) {
  let isRunning = false
  let isDue = false
  let last = 0
  const run = async () => {
    if (isRunning) {
      isDue = true
      return
    }
    isRunning = true
    last = Date.now()
    try {
      await action()
    } finally {
      isRunning = false
    }
    if (isDue) {
      isDue = false
      // A rest as long as the work, so a slow machine still answers.
      setTimeout(run, Math.max(250, Date.now() - last))
    }
  }
  live.addEventListener('news', ({ detail }) => {
    if (signals.some((signal) => detail[signal])) void run()
  })
  if (atLeastEveryMs > 0)
    setInterval(() => {
      // Without an answer the charts stay as they are, rather than each give way to a message.
      const isIdle = live.isPaused || !live.isConnected || document.hidden
      if (!isIdle && Date.now() - last >= atLeastEveryMs) void run()
    }, 1000)
  return run
}

/** A refusal of the viewer, in its own words. `place` is the place in a query. */
export class ApiError extends Error {
  constructor(status, { message, ...place }) {
    super(message)
    this.status = status
    this.place = place.text === undefined ? undefined : place
  }
}

export async function getJson(path, parameters = {}, signal) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  const search = new URLSearchParams(given).toString()
  return read(fetch(search === '' ? path : `${path}?${search}`, { signal }))
}

export async function postJson(path, body, signal) {
  const headers = { 'content-type': 'application/json' }
  return read(fetch(path, { method: 'POST', headers, body: JSON.stringify(body), signal }))
}

async function read(pending) {
  let response
  try {
    response = await pending
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new ApiError(0, { message: 'The viewer does not answer. Is it still running?' })
  }
  const json = await response.json().catch(() => undefined)
  if (!response.ok || json === undefined)
    throw new ApiError(
      response.status,
      json?.error ?? { message: `The viewer answered with status ${response.status}.` },
    )
  return json
}

/** Most requests at once: browsers open six connections to a host, and the stream of news has one of them. */
export class Turns {
  #free
  #waiting = []

  constructor(atOnce) {
    this.#free = atOnce
  }

  async take(task) {
    if (this.#free > 0) this.#free -= 1
    else await new Promise((resolve) => this.#waiting.push(resolve))
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}

import { CommandError } from '../../src/process/command.ts'

/** Longest wait for an answer. */
const TIMEOUT_MS = 15_000

export const VARIABLES = [
  'DD_API_KEY  key of your organisation',
  'DD_SITE     its site, datadoghq.com if unset; also datadoghq.eu, us3.datadoghq.com and others',
  'DD_API_URL  the API, https://api.<DD_SITE> if unset',
].join('\n')

/** Datadog's HTTP API, as the environment says. Nothing that is said holds the key. */
export class DatadogApi {
  readonly url: string
  readonly #key: string

  constructor(env: NodeJS.ProcessEnv) {
    const { DD_API_KEY: key = '', DD_SITE: site = '', DD_API_URL: url = '' } = env
    if (key === '')
      throw new CommandError('DD_API_KEY is missing; set it to an API key of your organisation.')
    if (!/^[\w-]+$/.test(key))
      throw new CommandError('DD_API_KEY has a character that no key has; copy it once more.')
    if (!/^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+)?$/.test(site))
      throw new CommandError(`DD_SITE is "${site}"; set it to a site such as datadoghq.eu.`)
    if (url !== '' && !(/^https?:/.test(url) && URL.canParse(url)))
      throw new CommandError(`DD_API_URL is "${url}"; set it to a URL such as https://api.datadoghq.eu.`)
    this.#key = key
    this.url = (url || `https://api.${site || 'datadoghq.com'}`).replace(/\/$/, '')
  }

  /** Throws {@link CommandError} for any answer that is not a success. */
  async post(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const response = await this.#send(path, body, signal)
    const text = await response.text().catch(() => '')
    if (!response.ok) throw new CommandError(this.#refusal(response, text))
    return parsed(text)
  }

  async #send(path: string, body: object, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(`${this.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', 'dd-api-key': this.#key },
        body: JSON.stringify(body),
        // A redirect could lead the key to another host.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
    } catch (error) {
      const { name, cause } = error as { name?: string; cause?: { code?: string; message?: string } }
      const reason = name === 'TimeoutError' ? 'no answer' : (cause?.code ?? cause?.message ?? name)
      throw new CommandError(`${this.url} could not be reached (${reason}); check DD_SITE and the network.`)
    }
  }

  #refusal({ status, headers }: Response, text: string): string {
    const said = saidIn(text).replaceAll(this.#key, '…')
    const detail = said === '' ? String(status) : `${status}: ${said}`
    if (status === 401 || status === 403)
      return `Datadog did not take the key (${detail}); set DD_API_KEY to one of the organisation at ${this.url}.`
    if (status === 429)
      return `Datadog takes no more for now (${detail}); try again in ${headers.get('x-ratelimit-reset') ?? '60'} s.`
    if (status >= 500) return `Datadog failed (${detail}); try again later.`
    if (status >= 300 && status < 400)
      return `${this.url} is not Datadog's API (${detail}); check DD_SITE and DD_API_URL.`
    return `Datadog refused it (${detail}); change what it names.`
  }
}

/** Datadog's own reasons: `{"errors": ["…"]}`. */
function saidIn(text: string): string {
  const { errors } = (parsed(text) ?? {}) as { errors?: unknown }
  return Array.isArray(errors) ? errors.join(', ').replaceAll(/\s+/g, ' ').slice(0, 300) : ''
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

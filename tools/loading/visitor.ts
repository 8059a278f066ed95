import type { Answer } from './http-client.ts'

export interface KnownPoll {
  readonly id: number
  readonly choiceIds: readonly number[]
}

/** Polls to vote in, and polls whose results everybody may see. */
export interface Polls {
  readonly open: readonly KnownPoll[]
  readonly closed: readonly KnownPoll[]
}

/** A logged-in member who leafs through the community. */
export class Visitor {
  readonly token: string | undefined
  /** Of the same member's browser, as a header field: `name=value`. */
  readonly cookie: string | undefined
  polls: Polls = { open: [], closed: [] }
  #nextPage: string | undefined
  #someoneId: number

  constructor({ token, cookie, ownId }: { token?: string; cookie?: string | undefined; ownId: number }) {
    this.token = token
    this.cookie = cookie
    this.#someoneId = ownId
  }

  /** A member from a recent listing; at first, the visitor. */
  get someoneId(): number {
    return this.#someoneId
  }

  /** The listing's next page; given once, so that no two requests ask for the same one. */
  takeNextPage(): string | undefined {
    const path = this.#nextPage
    this.#nextPage = undefined
    return path
  }

  /** Reads the header field and the first row only: parsing each page would cost more than asking for it. */
  sawCommunity({ headers, body }: Answer): void {
    this.#nextPage = /^<(\/[^>]*)>; rel="next"$/.exec(String(headers.link))?.[1]
    const id = /"id":(\d+)/.exec(body[0]?.toString('latin1', 0, 100) ?? '')?.[1]
    if (id !== undefined) this.#someoneId = Number(id)
  }
}

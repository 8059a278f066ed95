import type { Answer } from './http-client.ts'

/** A logged-in member who leafs through the community. */
export class Visitor {
  readonly token: string | undefined
  #nextPage: string | undefined
  #someoneId: number

  constructor(token: string | undefined, ownId: number) {
    this.token = token
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

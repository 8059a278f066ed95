/** An error in a query, with its place as offsets into the text. The message says the mend. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly from: number
  readonly to: number

  constructor(message: string, { from, to }: { from: number; to: number }) {
    super(message)
    this.from = from
    this.to = to
  }
}

/** What is wrong in a query, and where: offsets into its text. The message says the mend. */
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

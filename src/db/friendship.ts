/** The key of the one row that two members share, in either order. */
export function pairOf(oneId: number, otherId: number) {
  return oneId < otherId ? { low_id: oneId, high_id: otherId } : { low_id: otherId, high_id: oneId }
}

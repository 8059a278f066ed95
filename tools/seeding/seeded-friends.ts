import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../src/db/database.ts'
import { integer } from './integer.ts'

/**
 * The friendships of N seeded accounts with K friends each: the circulant graph. The numbers stand in a ring; each is a
 * friend of the K/2 next on either side and, for odd K, of the one opposite.
 */
export interface Circle {
  readonly users: number
  readonly friends: number
}

/** Such a graph exists if N × K is even and K < N. */
export function canClose({ users, friends }: Circle): boolean {
  return friends < Math.max(users, 1) && (users * friends) % 2 === 0
}

/** Number of friendships in the circle. */
export function countEdges({ users, friends }: Circle): number {
  return (users * friends) / 2
}

/** Whether the pair of seed numbers `a` and `b` belongs to the circle. */
function inCircle({ users, friends }: Circle, a: RawBuilder<number>, b: RawBuilder<number>) {
  const apart = sql`min(abs(${a} - ${b}), ${users} - abs(${a} - ${b}))`
  return sql`(${apart} <= ${Math.floor(friends / 2)} or (${friends % 2} = 1 and 2 * ${apart} = ${users}))`
}

const A = sql<number>`a.seed_number`
const B = sql<number>`b.seed_number`

/** Ends friendships and requests of these accounts with seeded ones outside the circle; resolves to their number. */
export async function prune(tx: Database, circle: Circle, from: number, to: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from friendships where (low_id, high_id) in (
      select f.low_id, f.high_id
      from users as a
        cross join friendships as f on f.low_id = a.id
        cross join users as b on b.id = f.high_id
      where a.seed_number between ${from} and ${to}
        and b.seed_number is not null
        and not ${inCircle(circle, A, B)}
    )
  `.execute(tx)
  return Number(numAffectedRows)
}

/** Ends the blocks that these accounts keep against friends of the circle. */
export async function unblock(tx: Database, circle: Circle, from: number, to: number): Promise<void> {
  await sql`
    delete from blocks where (blocker_id, blocked_id) in (
      select k.blocker_id, k.blocked_id
      from users as a
        cross join blocks as k on k.blocker_id = a.id
        cross join users as b on b.id = k.blocked_id
      where a.seed_number between ${from} and ${to}
        and b.seed_number is not null
        and ${inCircle(circle, A, B)}
    )
  `.execute(tx)
}

/**
 * Makes friends along the edges `from` to `to` (0 to {@link countEdges} − 1): first all accounts with the next K/2,
 * then the first half with those opposite. An unanswered request between two of them is accepted. Resolves to the
 * number of new friendships.
 */
export async function befriend(
  tx: Database,
  circle: Circle,
  from: number,
  to: number,
  now: number,
): Promise<number> {
  const users = integer(circle.users)
  const ahead = integer(Math.floor(circle.friends / 2))
  const besides = integer(circle.users * Math.floor(circle.friends / 2))
  const { numAffectedRows } = await sql`
    with recursive
      edges (e) as (values (${integer(from)}) union all select e + 1 from edges where e < ${integer(to)}),
      pairs (one, other) as (
        select
          iif(e < ${besides}, e / ${ahead}, e - ${besides}) + 1,
          iif(e < ${besides}, (e / ${ahead} + e % ${ahead} + 1) % ${users}, e - ${besides} + ${users} / 2) + 1
        from edges
      )
    insert into friendships (low_id, high_id, status, requested_by, requested_at, friends_since)
    select min(a.id, b.id), max(a.id, b.id), 'friends', a.id, ${now}, ${now}
    from pairs
      cross join users as a on a.seed_number = one
      cross join users as b on b.seed_number = other
    where true
    on conflict (low_id, high_id) do update
      set status = 'friends', friends_since = excluded.friends_since where status = 'pending'
  `.execute(tx)
  return Number(numAffectedRows)
}

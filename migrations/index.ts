import type { Generated, GeneratedAlways } from 'kysely'
import type { Migration } from 'kysely/migration'
import * as community from './0001_community.ts'
import * as userViews from './0002_user_views.ts'
import * as administrators from './0003_administrators.ts'
import * as polls from './0004_polls.ts'
import * as toolkit from './0005_toolkit.ts'
import * as feeds from './0006_feeds.ts'

/** By the name of their file, which is their order. They only go forward: the way back is a backup. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_community': community,
  '0002_user_views': userViews,
  '0003_administrators': administrators,
  '0004_polls': polls,
  '0005_toolkit': toolkit,
  '0006_feeds': feeds,
}

/** Tables whose rows are counted by triggers, in `table_rows`. */
export const COUNTED_TABLES = [
  'users',
  'sessions',
  'friendships',
  'blocks',
  'polls',
  'votes',
  'feeds',
  'feed_subscriptions',
] as const

/** Every table as the last migration leaves it. Times are milliseconds since the Unix epoch, UTC. */
export interface Tables {
  users: UsersTable
  passwords: PasswordsTable
  seed_password: SeedPasswordTable
  sessions: SessionsTable
  friendships: FriendshipsTable
  blocks: BlocksTable
  table_rows: TableRowsTable
  sign_ups: SignUpsTable
  kept_counts: KeptCountsTable
  polls: PollsTable
  poll_choices: PollChoicesTable
  votes: VotesTable
  vote_counts: VoteCountsTable
  videos: VideosTable
  playlists: PlaylistsTable
  locations: LocationsTable
  feeds: FeedsTable
  feed_subscriptions: FeedSubscriptionsTable
}

export interface UsersTable {
  /** Never reused, and ascending in the order of joining: the listing pages by it. */
  id: Generated<number>
  name: string
  /** Folded name (NFKC, case folded): the key of prefix search and of sorting by name. */
  name_key: string
  email: string
  /** Folded address: addresses are unique without regard to letter case and Unicode form. */
  email_key: string
  joined_at: number
  /** 1…N for the accounts that `npm run seed` owns, null for real ones. */
  seed_number: number | null
  /** The id, the name and the time of joining as JSON, made by the database; see users/user-view.ts. */
  view_json: GeneratedAlways<string>
  is_administrator: Generated<0 | 1>
}

/** PHC strings have a table of their own, so that no query of users can carry one out. */
export interface PasswordsTable {
  user_id: number
  hash: string
}

/** The hash of all seeded accounts: hashing 10,000 passwords takes minutes. */
export interface SeedPasswordTable {
  id: number
  hash: string
}

export interface SessionsTable {
  id: Generated<number>
  user_id: number
  /** SHA-256 of the token; the token itself is never stored. */
  token_hash: Buffer
  kind: 'bearer' | 'cookie'
  created_at: number
  last_used_at: number
  expires_at: number
}

/** One row for an unordered pair: `low_id < high_id`. */
export interface FriendshipsTable {
  low_id: number
  high_id: number
  status: 'pending' | 'friends'
  requested_by: number
  requested_at: number
  friends_since: number | null
}

export interface BlocksTable {
  blocker_id: number
  blocked_id: number
  created_at: number
}

/** Row counts kept by triggers, because counting a growing table scans it. */
export interface TableRowsTable {
  name: (typeof COUNTED_TABLES)[number]
  rows: number
}

/** Sign-ups of real accounts by UTC day, kept by a trigger. */
export interface SignUpsTable {
  /** `2026-11-29` */
  day: string
  count: number
}

/** Counts of those rows of a table that meet a condition, kept by triggers. */
export interface KeptCountsTable {
  name: 'friend_requests'
  count: number
}

export interface PollsTable {
  /** Never reused, and ascending in the order of creation: the listing pages by it. */
  id: Generated<number>
  question: string
  description: string | null
  opens_at: number
  /** The end of the year 9999 for a poll that never closes. */
  closes_at: number
  is_draft: 0 | 1
  results_shown: 'after-vote' | 'after-close'
  created_at: number
  /** 1…N for the polls that `npm run seed` owns, null for real ones. */
  seed_number: number | null
}

export interface PollChoicesTable {
  id: Generated<number>
  poll_id: number
  /** 0…N-1 within the poll. */
  position: number
  text: string
}

/** One row for each member and poll. */
export interface VotesTable {
  poll_id: number
  user_id: number
  choice_id: number
  /** When the present choice was made. */
  voted_at: number
}

/** A choice's votes, kept by triggers; their sum over all shards is its result. */
export interface VoteCountsTable {
  choice_id: number
  /** Id of the voter modulo 16. */
  shard: number
  votes: number
}

export interface VideosTable {
  id: Generated<number>
  user_id: number
  /** 1 to N for the N videos of a member, without a gap. */
  position: number
  title: string
  provider: 'youtube' | 'vimeo' | 'file'
  /** Null for a file. */
  provider_id: string | null
  url: string
  added_at: number
}

/** One row for a member: a playlist is written as a whole. */
export interface PlaylistsTable {
  user_id: number
  /** Goes up with each change, from 1; a member without a row has version 0. */
  version: number
  /** JSON: `[{"title":…,"url":…}]`, in order. */
  entries: string
}

export interface LocationsTable {
  user_id: number
  latitude: number
  longitude: number
  /** Radius in metres. */
  accuracy: number | null
  label: string | null
  /** 1 if friends may see it. */
  shared: 0 | 1
  recorded_at: number
}

/** The kept copy of a feed, for all its readers. Gone with the last of them, by a trigger. */
export interface FeedsTable {
  id: Generated<number>
  url: string
  title: string | null
  /** JSON; see toolkit/news/feed-store.ts. */
  items: Generated<string>
  /** Of the last answer with items: they make the next request conditional. */
  etag: string | null
  last_modified: string | null
  /** The last time that it was whole and up to date. */
  fetched_at: number | null
  /** Before this it is not asked for again. */
  due_at: Generated<number>
  /** Since it was last fetched, and why. */
  failures: Generated<number>
  error: string | null
}

/** A feed in a member's list. */
export interface FeedSubscriptionsTable {
  id: Generated<number>
  user_id: number
  feed_id: number
  position: number
}

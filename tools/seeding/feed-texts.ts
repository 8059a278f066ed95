interface FeedText {
  readonly title: string
  readonly headlines: readonly string[]
}

/** Feeds of a small town; everybody reads the first ones. */
export const FEED_TEXTS: readonly FeedText[] = [
  feed(
    'The Harbour Gazette',
    'The new ferry sails on time',
    'Fish market opens at six',
    'Fog until Thursday',
  ),
  feed('Garden Notes', 'Tomatoes that like shade', 'When to prune an apple tree', 'Beans, week by week'),
  feed('Slow Kitchen', 'Bread without kneading', 'A soup for eight', 'What to do with quinces'),
  feed('Night Sky', 'Saturn is bright this month', 'How to find the Andromeda galaxy', 'A comet, perhaps'),
  feed('The Reading Room', 'Three novels about islands', 'The library is open on Sundays', 'Poems to learn'),
  feed('Two Wheels', 'A quiet way across town', 'Mending a tube in the rain', 'Lights that are seen'),
  feed('Music Next Door', 'The choir looks for basses', 'Songs from the harbour', 'An evening of accordions'),
  feed('Weather for Walkers', 'Dry until noon', 'Wind from the north', 'Snow above 900 metres'),
  feed('Small Engines', 'A clock from spare parts', 'Oil, and which one', 'The steam boat is back'),
  feed('Town Hall', 'The bridge is closed in May', 'Minutes of the last meeting', 'A bench for the square'),
]

function feed(title: string, ...headlines: string[]): FeedText {
  return { title, headlines }
}

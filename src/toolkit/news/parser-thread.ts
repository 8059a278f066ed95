import { parentPort } from 'node:worker_threads'
import { type FeedDocument, parseDocument } from './parse-document.ts'

/** The thread of {@link FeedParser}: answers each document with its feed, or null if it is none. */
parentPort?.on('message', (document: FeedDocument) => {
  try {
    parentPort?.postMessage(parseDocument(document))
  } catch {
    parentPort?.postMessage(null)
  }
})

import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
} from '@opentelemetry/semantic-conventions'
import { STATEMENTS } from './pages.ts'

/** Distinct summaries of all pages. */
export const SUMMARIES: readonly string[] = [...new Set(Object.values(STATEMENTS).flat())].sort()

/** The attributes of a statement, from its summary: the verb, and the first table if it has one. */
export function statementAttributes(summary: string): Record<string, string> {
  const [operation = '', collection] = summary.split(' ')
  return {
    [ATTR_DB_OPERATION_NAME]: operation,
    ...(collection !== undefined && { [ATTR_DB_COLLECTION_NAME]: collection }),
    [ATTR_DB_QUERY_SUMMARY]: summary,
  }
}

/** All values of one of those attributes. */
export function statementValues(attribute: string): readonly string[] {
  const values = SUMMARIES.map((summary) => statementAttributes(summary)[attribute])
  return [...new Set(values.filter((value) => value !== undefined))].sort()
}

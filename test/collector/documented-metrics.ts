import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './real-collector.ts'

export interface DocumentedMetric {
  readonly name: string
  readonly tags: readonly string[]
  /** Otherwise it depends on the machine or on what happens. */
  readonly isAlwaysThere: boolean
}

/** The tables of docs/collector.md under these headings. */
export function documentedMetrics(...headings: string[]): DocumentedMetric[] {
  const page = readFileSync(join(ROOT, 'docs/collector.md'), 'utf8')
  const sections = page.split(/^#{2,3} /m).filter((section) => headings.includes(section.split('\n')[0]!))
  if (sections.length !== headings.length) throw new Error(`docs/collector.md has not all of ${headings}`)
  return sections.flatMap((section) =>
    [...section.matchAll(/^\| `([\w.]+)` \| \w+ \|[^|]*\|([^|]*)\| (.+) \|$/gm)].map(
      ([, name, tags, there]) => ({
        name: name!,
        tags: [...tags!.matchAll(/`([\w.]+)`/g)].map(([, tag]) => tag!),
        isAlwaysThere: there === 'always',
      }),
    ),
  )
}

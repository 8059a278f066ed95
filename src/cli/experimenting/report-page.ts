import { escapeXml } from './curve.ts'
import {
  ABOUT_AGREEMENT,
  ABOUT_THE_STORY,
  busySentence,
  disagreements,
  type Findings,
  latencyChart,
  latencyTable,
  queryTable,
  searchChart,
  searchTable,
  type Table,
} from './findings.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --ground: #fff; --rule: #d9dde3; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --ground: #14171c; --rule: #363c45; --bad: #ff8a80; } }
body { margin: 2rem auto; max-width: 68rem; padding: 0 1rem; color: var(--ink); background: var(--ground); font: 16px/1.5 system-ui, sans-serif; }
.wide { overflow-x: auto; } svg { width: 100%; min-width: 40rem; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; font-size: 0.875rem; }
th, td { padding: 0.25rem 0.6rem; text-align: right; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; } .bad { color: var(--bad); }
`

/** Everything in one file that needs nothing else: no script, no font, no other host. */
export function reportPage(findings: Findings): string {
  const { startedAt, tookSeconds, machine, searches } = findings
  const differing = disagreements(findings)
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>Rollcall: latency as the table grows</title><style>${STYLE}</style></head><body>`,
    '<h1>Latency as the table grows</h1>',
    paragraph(
      `${startedAt.toISOString()}, ${Math.round(tookSeconds)} s, ${machine}. Every request was traced.`,
    ),
    wide(latencyChart(findings)),
    '<h2>What clients measured and what telemetry reports</h2>',
    paragraph(ABOUT_AGREEMENT),
    ...(differing.length === 0 ? [paragraph('All of this holds here.')] : []),
    ...differing.map((sentence) => `<p class="bad">Does not agree: ${escapeXml(sentence)}.</p>`),
    ...busySentence(findings).map(paragraph),
    paragraph('Times in ms.'),
    wide(htmlTable(latencyTable(findings))),
    '<h2>Queries, and the story that started this</h2>',
    paragraph(
      'Query times as telemetry reports them by page, in ms. A request has a quick query for its session and one for its list, so that the list’s is the upper half, and p95.',
    ),
    wide(htmlTable(queryTable(findings))),
    paragraph(ABOUT_THE_STORY),
    ...(searches.length > 0
      ? [
          '<h2>A search with and without an index</h2>',
          wide(searchChart(findings)),
          wide(htmlTable(searchTable(findings))),
        ]
      : []),
    '</body></html>',
    '',
  ].join('\n')
}

function paragraph(content: string): string {
  return `<p>${escapeXml(content)}</p>`
}

function wide(content: string): string {
  return `<div class="wide">${content}</div>`
}

function htmlTable({ head, rows }: Table): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`
  return `<table><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('')}</tbody></table>`
}

import { latencyChart, searchChart, storyChart } from './charts.ts'
import { type Chart, drawChart, escapeXml } from './curve.ts'
import {
  ABOUT_AGREEMENT,
  ABOUT_QUERIES,
  ABOUT_THE_COLUMNS,
  ABOUT_THE_STORY,
  disagreements,
  type Findings,
  hasStorySize,
  latencyTable,
  partialNote,
  queryTable,
  searchTable,
  type Table,
  untold,
} from './findings.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6470; --ground: #fff; --rule: #e3e6ea; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #9aa4b1; --ground: #14171c; --rule: #2b313a; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 2.5rem auto; max-width: 58rem; padding: 0 1rem; color: var(--ink); background: var(--ground); font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; } h2 { margin: 3rem 0 0.5rem; font-size: 1.2rem; }
p { max-width: 46rem; } .soft, figcaption { color: var(--soft); font-size: 0.875rem; } .bad { color: var(--bad); font-weight: 600; }
figure { margin: 1.5rem 0; } figcaption p { margin: 0.25rem 0; } svg { display: block; width: 100%; height: auto; } .narrow { display: none; }
@media (max-width: 40rem) { .narrow { display: block; } .roomy { display: none; } body { margin-top: 1.5rem; } }
.table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; font-size: 0.8125rem; }
th, td { padding: 0.3rem 0.75rem; text-align: right; } th { color: var(--soft); font-weight: 600; } tr { border-bottom: 1px solid var(--rule); } tr:has(+ .more) { border-bottom: 0; }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--ground); }
`

const ROOMY = { width: 880, plotHeight: 360, isBare: true }
const NARROW = { width: 360, plotHeight: 300, isBare: true }

/** The whole report in one file: no script, no font, no other host. */
export function reportPage(findings: Findings): string {
  const { startedAt, tookSeconds, machine, searches } = findings
  const differing = disagreements(findings)
  const note = partialNote(findings)
  const story = storyChart(findings)
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>Latency as the table grows · Rollcall</title><style>${STYLE}</style></head><body>`,
    '<h1>Latency as the table grows</h1>',
    paragraph(
      `${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${Math.round(tookSeconds)} s, ${machine}. Every request was traced.`,
      'soft',
    ),
    ...(note === undefined ? [] : [paragraph(`${note}. The rest was not measured.`, 'bad')]),
    figure(latencyChart(findings)),
    '<h2>Clients’ measurements and telemetry’s</h2>',
    htmlTable(latencyTable(findings)),
    paragraph(`Times in ms. ${ABOUT_THE_COLUMNS}`, 'soft'),
    paragraph(ABOUT_AGREEMENT),
    ...differing.map((sentence) => paragraph(`Does not agree: ${sentence}.`, 'bad')),
    ...untold(findings).map((sentence) => paragraph(sentence, 'bad')),
    ...(differing.length === 0 && untold(findings).length === 0 ? [paragraph('All of it holds here.')] : []),
    hasStorySize(findings) ? '<h2>Queries, and the story that started this</h2>' : '<h2>Queries</h2>',
    htmlTable(queryTable(findings)),
    paragraph(`Times in ms. ${ABOUT_QUERIES}`, 'soft'),
    ...(story === undefined ? [] : [figure(story), paragraph(ABOUT_THE_STORY)]),
    ...(searches.length > 0
      ? [
          '<h2>A search with and without an index</h2>',
          figure(searchChart(findings)),
          htmlTable(searchTable(findings)),
        ]
      : []),
    '</body></html>',
    '',
  ].join('\n')
}

function paragraph(content: string, kind?: string): string {
  return `<p${kind === undefined ? '' : ` class="${kind}"`}>${escapeXml(content)}</p>`
}

/** Drawn twice, because the text of a shrunken chart is not readable on a phone. */
function figure(chart: Chart): string {
  return [
    `<figure><div class="roomy">${drawChart(chart, ROOMY)}</div><div class="narrow">${drawChart(chart, NARROW)}</div>`,
    `<figcaption>${chart.caption.map((line) => paragraph(line)).join('')}</figcaption></figure>`,
  ].join('')
}

function htmlTable({ head, rows }: Table): string {
  const row = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr${cells[0] === '' ? ' class="more"' : ''}>${cells.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="table"><table><thead>${row('th', head)}</thead><tbody>${rows.map((cells) => row('td', cells)).join('')}</tbody></table></div>`
}

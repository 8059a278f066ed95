// Prints `N passed, N failed, N skipped` from TAP reports of `tap`: titled tests, and test files that broke down. The
// failures come first: without a terminal, the reporter does not show them.
'use strict'
const fs = require('node:fs')

let [passed, failed, skipped] = [0, 0, 0]
let failedInFile = 0
const reports = process.argv.slice(2).map((file) => fs.readFileSync(file, 'utf8'))
for (const line of reports.join('\n').split('\n')) {
  const [, indent, not, rest] = /^( {4})?(not )?ok \d+(.*)$/.exec(line) ?? []
  if (rest === undefined) continue
  if (indent) {
    if (/# SKIP/i.test(rest)) skipped += 1
    else if (not) failedInFile += 1
    else passed += 1
  } else {
    // A file that failed without a failed test crashed, timed out or was empty.
    failed += not ? Math.max(1, failedInFile) : 0
    failedInFile = 0
  }
}
for (const report of reports)
  for (const [failure] of report.matchAll(/^ *not ok .*\n(?: *---\n[\s\S]*?\n *\.\.\.\n)?/gm))
    process.stdout.write(failure)
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

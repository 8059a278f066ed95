import type { Database } from '../db/database.ts'
import { METRICS } from '../telemetry/catalogue.ts'
import type { Instruments, Recorder } from '../telemetry/instruments.ts'
import { type CheckName, readChecksFile } from './checks-file.ts'
import { type CheckLogger, schedule } from './schedule.ts'

export interface ChecksOptions {
  /** Path of the JSON file with the checks and their intervals. */
  file: string
  db: Pick<Database, 'selectFrom'>
  telemetry: { instruments: Instruments }
  logger: CheckLogger
}

/** Starts the scheduled checks. Throws ConfigError when the file cannot be used. */
export function startChecks({ file, db, telemetry: { instruments }, logger }: ChecksOptions) {
  const intervals = readChecksFile(file)
  const checks: Record<CheckName, () => void | Promise<void>> = {
    'test.support.random': randomCheck(instruments),
    'rollcall.table.rows': tableRowsCheck(instruments, () =>
      db.selectFrom('table_rows').select(['name', 'rows']).execute(),
    ),
  }
  const stops = Object.entries(intervals).map(([name, { everySeconds }]) =>
    schedule(name, everySeconds * 1000, checks[name as CheckName], logger),
  )
  return {
    stop(): void {
      for (const stop of stops) stop()
    },
  }
}

function randomCheck(instruments: Instruments): () => void {
  const random = instruments.gauge(METRICS.random, {})
  return () => random.record(Math.random())
}

type TableSize = { name: string; rows: number }

/** Bound when a table is first seen: the names come from the table that the triggers keep. */
function tableRowsCheck(
  instruments: Instruments,
  readSizes: () => Promise<readonly TableSize[]>,
): () => Promise<void> {
  const gauges = new Map<string, Recorder>()
  return async () => {
    for (const { name, rows } of await readSizes()) {
      const gauge = gauges.get(name) ?? instruments.gauge(METRICS.tableRows, { table: name })
      gauges.set(name, gauge)
      gauge.record(rows)
    }
  }
}

import type { Logger } from 'pino'

/** Lines for the person who started the service, beside its log. */

export interface Serving {
  readonly url: string
  readonly telemetryDestination: string
  /** The receiver that was found or started, if no destination was set. */
  readonly receiver?:
    | { readonly url: string; readonly isViewer: boolean; readonly wasThere: boolean }
    | undefined
  /** Several processes, and the one that starts them. */
  readonly workers?: { readonly count: number; readonly primaryPid: number }
}

/** Writes the addresses of the service and of its telemetry to stderr. */
export function sayServing({ url, telemetryDestination, receiver, workers }: Serving): void {
  const onUsualPort = new URL(url).port === '3000'
  const lines = [
    ['Rollcall', url],
    ['API', `${url}/docs`],
    ...(receiver?.isViewer
      ? [
          ['Viewer', `${receiver.url}${receiver.wasThere ? ' (it was there already)' : ''}`],
          ['Visitors', `npm run load -- --rate 20 --duration 60${onUsualPort ? '' : ` --url ${url}`}`],
        ]
      : [
          [
            'Telemetry',
            `${telemetryDestination}${receiver?.wasThere ? ' (a receiver was there already)' : ''}`,
          ],
        ]),
    ...(workers
      ? [['Workers', `${workers.count}; kill -HUP ${workers.primaryPid} restarts them one after the other`]]
      : []),
  ] as const
  process.stderr.write(`\n${lines.map(([name = '', what]) => `  ${name.padEnd(10)} ${what}\n`).join('')}\n`)
}

/** Written to the log once; not if the log goes to the same terminal as the banner. */
export function logServing(
  logger: Pick<Logger, 'info'>,
  fields: { readonly url: string; readonly workers?: number },
  { stdout, stderr }: { stdout: Stream; stderr: Stream } = process,
): void {
  if (!(stdout.isTTY && stderr.isTTY)) logger.info(fields, 'listening')
}

type Stream = { readonly isTTY?: boolean }

export function sayStopping(): void {
  process.stderr.write('  Stopping: sending the last interval. Press Ctrl-C again to end at once.\n')
}

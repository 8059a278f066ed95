import { arch, cpus, loadavg, release, totalmem } from 'node:os'

/** The machine and the versions that figures depend on, in one line. */
export function describeMachine(): string {
  const [cpu] = cpus()
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release()} ${arch()}`,
    `Node ${process.version}`,
    `load average ${loadavg()[0]?.toFixed(2)} at the start`,
  ].join(', ')
}

import { isIP } from 'node:net'
import { parsePeers } from '../config.ts'

/** Whether TRUST_PROXY lists the address: then its word on a request's origin counts. */
export function isTrustedPeer(list: string): (address: string | undefined) => boolean {
  const peers = parsePeers(list)
  if (peers === undefined) return () => false
  return (address) => {
    if (address === undefined) return false
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
    // A forwarded address may be any text.
    return isIP(mapped) !== 0 && peers.check(mapped, isIP(mapped) === 6 ? 'ipv6' : 'ipv4')
  }
}

import { BlockList, type IPVersion, type SocketAddress } from 'node:net'

/**
 * Networks that no feed is fetched from: the IANA special-purpose registries (RFC 6890, as of 2026), multicast, and
 * what is reserved. Of IPv6 everything outside global unicast (2000::/3), so mapped, compatible and NAT64 forms of
 * IPv4 addresses too.
 */
const SPECIAL = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local; metadata of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved; broadcast
  // In no registry: the host's own services in Azure have it.
  '168.63.129.16/32',
  '::/3',
  '4000::/2',
  '8000::/1',
  '2001::/23', // protocol assignments: Teredo, benchmarks, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
]

/** What a connection is held to when its address is known. Node asks `check` right before it connects. */
class Refused extends BlockList {
  readonly #allowed: BlockList

  constructor(networks: readonly string[], allowed: BlockList) {
    super()
    this.#allowed = allowed
    for (const network of networks) {
      const [address, bits] = network.split('/') as [string, string]
      this.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
    }
  }

  override check(address: SocketAddress): boolean
  override check(address: string, type?: IPVersion): boolean
  override check(address: string | SocketAddress, type?: IPVersion): boolean {
    const check = BlockList.prototype.check as (address: string | SocketAddress, type?: IPVersion) => boolean
    return !check.call(this.#allowed, address, type) && check.call(this, address, type)
  }
}

export interface Networks {
  /** Addresses that a connection to this port must not have. */
  refusedAt(port: number): BlockList
}

/** Networks to fetch from: public ones at the usual ports, and at any port those that are allowed by name. */
export function networks(allowed: BlockList): Networks {
  const special = new Refused(SPECIAL, allowed)
  const all = new Refused(['0.0.0.0/0', '::/0'], allowed)
  return { refusedAt: (port) => (isUsualPort(port) ? special : all) }
}

export function isUsualPort(port: number): boolean {
  return port === 80 || port === 443
}

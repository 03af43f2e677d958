/**
 * Which addresses a message may be sent to. Somebody who may set up a route must not reach through this server what
 * only this server reaches: its own loopback, the private network, the cloud's metadata service.
 */
import { BlockList, isIP } from 'node:net';

/** IANA's special-purpose registry for IPv4, and what clouds keep behind public-looking addresses. */
const CLOSED_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's host agent.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/** Of the global unicast addresses: protocol assignments (Teredo among them), documentation, 6to4. */
const CLOSED_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const closedV4 = blockListOf(CLOSED_V4, 'ipv4');
const closedV6 = blockListOf(CLOSED_V6, 'ipv6');
// All of IPv6 that is routed to the world. What embeds an IPv4 address (mapped, NAT64, compatible) lies outside.
const globalV6 = blockListOf([['2000::', 3]], 'ipv6');

function blockListOf(subnets: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

export interface AddressGuard {
  /** Whether it lies in the world, or in a range that the operator allows. */
  isOpen(address: string): boolean;
  /** Whether the operator named it: only there may a message go without TLS. */
  isOwn(address: string): boolean;
}

/** A range in CIDR notation; a bare address is the range of itself. Undefined when it is none. */
function parseRange(
  text: string,
): { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', bits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const longest = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? longest : Number(bits);
  return prefix > longest ? undefined : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** @param ownRanges in CIDR notation, as the settings hold them; what is none is passed over */
export function addressGuard(ownRanges: readonly string[]): AddressGuard {
  const own = new BlockList();
  for (const text of ownRanges) {
    const range = parseRange(text);
    if (range !== undefined) own.addSubnet(range.address, range.prefix, range.family);
  }
  const isOwn = (address: string) => {
    const version = isIP(address);
    // A mapped address would be judged by its IPv4 part, whoever meant what by it.
    if (version === 0 || (version === 6 && !globalV6.check(address, 'ipv6') && /^::ffff:/i.test(address))) return false;
    return own.check(address, version === 4 ? 'ipv4' : 'ipv6');
  };
  return {
    isOwn,
    isOpen: (address) => {
      if (isOwn(address)) return true;
      const version = isIP(address);
      if (version === 4) return !closedV4.check(address, 'ipv4');
      // A zone (`fe80::1%eth0`) belongs to link-local addresses only.
      if (version !== 6 || address.includes('%')) return false;
      return globalV6.check(address, 'ipv6') && !closedV6.check(address, 'ipv6');
    },
  };
}

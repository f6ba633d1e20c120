/**
 * Keywords of IP protocol numbers and names of TCP flags.
 *
 * @see https://www.iana.org/assignments/protocol-numbers
 */

/** IANA keywords in lower case by protocol number; empty if IANA has no keyword. Numbers above 146 are unassigned or for experiments. */
export const protocolNames: readonly string[] = (
  'hopopt icmp igmp ggp ipv4 st tcp cbt egp igp bbn-rcc-mon nvp-ii pup argus emcon xnet chaos udp mux dcn-meas hmp prm xns-idp trunk-1 trunk-2 ' +
  'leaf-1 leaf-2 rdp irtp iso-tp4 netblt mfe-nsp merit-inp dccp 3pc idpr xtp ddp idpr-cmtp tp++ il ipv6 sdrp ipv6-route ipv6-frag idrp rsvp gre ' +
  'dsr bna esp ah i-nlsp swipe narp min-ipv4 tlsp skip ipv6-icmp ipv6-nonxt ipv6-opts - cftp - sat-expak kryptolan rvd ippc - sat-mon visa ipcv ' +
  'cpnx cphb wsn pvp br-sat-mon sun-nd wb-mon wb-expak iso-ip vmtp secure-vmtp vines iptm nsfnet-igp dgp tcf eigrp ospfigp sprite-rpc larp mtp ' +
  'ax.25 ipip micp scc-sp etherip encap - gmtp ifmp pnni pim aris scps qnx a/n ipcomp snp compaq-peer ipx-in-ip vrrp pgm - l2tp ddx iatp stp srp ' +
  'uti smp sm ptp isis-over-ipv4 fire crtp crudp sscopmce iplt sps pipe sctp fc rsvp-e2e-ignore mobility-header udplite mpls-in-ip manet hip shim6 ' +
  'wesp rohc ethernet aggfrag nsh homa'
)
  .split(' ')
  .map(name => (name === '-' ? '' : name))

/** Keyword of a protocol number in lower case, null if there is none. */
export const protocolName = (protocol: number | null): string | null => {
  const name = protocol === null ? undefined : protocolNames[protocol]
  return name === undefined || name === '' ? null : name
}

const flagNames: readonly [number, string][] = [
  [2, 'SYN'],
  [16, 'ACK'],
  [1, 'FIN'],
  [4, 'RST'],
  [8, 'PSH'],
  [32, 'URG'],
]

/** Names of TCP flags joined by `+` in the order SYN, ACK, FIN, RST, PSH, URG; empty for 0. */
export const tcpFlagNames = (flags: number | null): string | null =>
  flags === null
    ? null
    : flagNames
        .filter(([bit]) => (flags & bit) !== 0)
        .map(([, name]) => name)
        .join('+')

"""Prints enriched flows as they come: who talked to whom, how much, and which side is ours."""

import sys
from datetime import datetime, timezone

from flowloom_topic import counted, options, read_topic


def main():
    opts = options(__doc__).parse_args()
    flows = total = 0

    def on_end():
        if not opts.exit_at_end:
            print(f"{counted(flows, 'flow')} so far; still following, Ctrl+C ends it", file=sys.stderr, flush=True)

    for _key, flow in read_topic(opts, f"{opts.prefix}flows.v1", on_end):
        if flow is None:
            continue
        flows += 1
        total += flow["bytes"] or 0
        # behind NAT the packet addresses are the true ends
        source = flow["pktSrcAddr"] or flow["srcAddr"] or "-"
        target = flow["pktDstAddr"] or flow["dstAddr"] or "-"
        start = datetime.fromtimestamp(flow["start"], timezone.utc).isoformat()
        print(
            f"{start} {flow['interfaceId'] or '-'} {flow['direction']} {flow['action'] or '-'} "
            f"{source} -> {target} {flow['serviceName'] or '-'} {counted(flow['bytes'] or 0, 'byte')}"
        )
    print(f"{counted(flows, 'flow')}, {counted(total, 'byte')}")


if __name__ == "__main__":
    main()

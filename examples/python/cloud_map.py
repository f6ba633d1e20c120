"""Keeps the current cloud map in memory from the compacted topic and says who holds an address: cloud_map.py 10.0.1.5 [scope]."""

import sys
from datetime import datetime, timezone

from flowloom_topic import counted, options, read_topic


def time_text(seconds):
    return "-" if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def main():
    parser = options(__doc__)
    parser.add_argument("ip", nargs="?")
    parser.add_argument("scope", nargs="?")
    opts = parser.parse_args()

    def tell(scope, ip, entry):
        if opts.ip not in (None, ip) or opts.scope not in (None, scope):
            return
        owner = entry["current"] or {}
        holder = owner.get("service") or " ".join(filter(None, (owner.get("interfaceId"), owner.get("instanceId"))))
        news = f"{scope} {ip} {holder} since {time_text(entry['currentSince'])}"
        # a record that only moves lastSeen is not news
        if told.get((scope, ip)) == news:
            return
        told[(scope, ip)] = news
        print(f"{news} last seen {time_text(entry['lastSeen'])}")

    def on_end():
        if opts.exit_at_end:
            for (scope, ip), entry in sorted(entries.items(), key=lambda item: item[0]):
                tell(scope, ip, entry)
        if opts.ip is not None and not told:
            print(f"{opts.ip} is not known" + (f" in {opts.scope}" if opts.scope else ""))
        print(counted(len(entries), "address", "addresses"), flush=True)
        if not opts.exit_at_end:
            print("still following, Ctrl+C ends it", file=sys.stderr, flush=True)

    entries, told = {}, {}
    for key, entry in read_topic(opts, f"{opts.prefix}cloud-map.v2", on_end):
        # restore barriers of flowloom are tombstones of this scope
        if key["scope"] == "__barrier":
            continue
        name = (key["scope"], key["ip"])
        if entry is None:
            entries.pop(name, None)
            told.pop(name, None)
            continue
        entries[name] = entry
        # without an end, every change is told as it comes
        if not opts.exit_at_end:
            tell(*name, entry)


if __name__ == "__main__":
    main()

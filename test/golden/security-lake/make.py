"""Writes the files of this folder: flow log records as Security Lake stores them, and as what must be read of them. Needs pyarrow."""
import random
import pyarrow as pa
import pyarrow.parquet as pq

random.seed(20261130)
START = 1796004000

def record(i):
    egress = i % 2 == 1
    own, far = f"10.13.0.{5 + i % 3}", f"203.0.113.{i}"
    src, dst = (own, far) if egress else (far, own)
    behind = f"10.14.0.{i}" if i % 4 == 1 else None
    return {
        "version": "5", "account-id": "001607371330", "interface-id": f"eni-0c13{i % 3:013d}",
        "srcaddr": src, "dstaddr": dst, "pkt-srcaddr": behind if egress and behind else src, "pkt-dstaddr": behind if not egress and behind else dst,
        "srcport": 40000 + i if egress else 443, "dstport": 443 if egress else 40000 + i, "protocol": [6, 17, 1][i % 3],
        "packets": i + 1, "bytes": 2**53 - 2 if i == 7 else (i + 1) * 40, "start": START + i, "end": START + 50 + i,
        "action": "REJECT" if i % 5 == 0 else "ACCEPT", "log-status": "OK", "vpc-id": "vpc-0a1b", "subnet-id": "subnet-0a1b",
        "instance-id": f"i-0{i % 3}" if i % 3 else "-", "tcp-flags": [2, 18, 19, 0][i % 4], "type": "IPv4", "region": "us-east-1", "az-id": "use1-az2",
        "pkt-src-aws-service": "S3" if not egress and i % 3 == 0 else "-", "pkt-dst-aws-service": "-",
        "flow-direction": "egress" if egress else "ingress", "traffic-path": str(1 + i % 8) if egress else "-",
        "sublocation-type": "outpost" if i % 9 == 0 else "-", "sublocation-id": "op-1" if i % 9 == 0 else "-",
    }

def gap(i):
    gone = {name: "-" for name in record(0)}
    return {**gone, "version": "5", "account-id": "001607371330", "interface-id": f"eni-0c13{i:013d}", "start": START, "end": START + 59,
            "log-status": ["NODATA", "SKIPDATA"][i % 2], "region": "us-east-1", "az-id": "use1-az2"}

records = [record(i) for i in range(40)] + [gap(1), gap(2)]
value = lambda v: None if v == "-" else v

def event(r, version):
    """As https://github.com/ocsf/examples maps a record (mappings/markdown/AWS, VPC Flowlogs)."""
    side = "src" if r["flow-direction"] == "egress" else "dst"
    def endpoint(name):
        addr, pkt = value(r[f"{name}addr"]), value(r[f"pkt-{name}addr"])
        own = side == name
        return {"ip": pkt, "intermediate_ips": [addr] if addr != pkt else None, "port": value(r[f"{name}port"]), "svc_name": r[f"pkt-{name}-aws-service"],
                "interface_uid": r["interface-id"] if own else None, "vpc_uid": value(r["vpc-id"]) if own else None,
                "subnet_uid": value(r["subnet-id"]) if own else None, "instance_uid": r["instance-id"] if own else None}
    direction = {"ingress": 1, "egress": 2}.get(r["flow-direction"], 0)
    allowed = {"ACCEPT": 1, "REJECT": 2}.get(r["action"], 0)
    path = value(r["traffic-path"])
    e = {
        "metadata": {"product": {"version": r["version"], "name": "Amazon VPC", "feature": {"name": "Flowlogs"}, "vendor_name": "AWS"}, "version": version},
        "class_uid": 4001, "class_name": "Network Activity", "status_code": r["log-status"],
        "src_endpoint": endpoint("src"), "dst_endpoint": endpoint("dst"),
        "connection_info": {"protocol_num": value(r["protocol"]), "tcp_flags": value(r["tcp-flags"]), "protocol_ver": r["type"],
                            "boundary_id": int(path) + 3 if path else 99, "boundary": path or "-",
                            "direction_id": direction, "direction": ["-", "Inbound", "Outbound"][direction]},
        "traffic": {"packets": value(r["packets"]), "bytes": value(r["bytes"])},
        "time": r["start"] * 1000,
    }
    unmapped = {"sublocation_type": r["sublocation-type"], "sublocation_id": r["sublocation-id"]}
    if version == "1.0.0-rc.2":
        e["cloud"] = {"account_uid": r["account-id"], "region": r["region"], "zone": r["az-id"], "provider": "AWS"}
        e["disposition"], e["disposition_id"] = ["Unknown", "Allowed", "Blocked"][allowed], allowed
        e["start_time"], e["end_time"] = r["start"] * 1000, r["end"] * 1000
        e["unmapped"] = list(unmapped.items())
    else:
        e["cloud"] = {"account": {"uid": r["account-id"]}, "region": r["region"], "zone": r["az-id"], "provider": "AWS"}
        e["action"], e["action_id"] = ["Unknown", "Allowed", "Denied"][allowed], allowed
        e["start_time_dt"], e["end_time_dt"] = r["start"] * 1000_000, r["end"] * 1000_000
        e["unmapped"] = list({**unmapped, "not_yet_known": "of use"}.items()) if version == "1.1.0" else {**unmapped, "not_yet_known": "of use"}
    return e

def schema(version):
    text, i32, i64 = pa.string(), pa.int32(), pa.int64()
    endpoint = pa.struct([("ip", text), ("intermediate_ips", pa.list_(text)), ("port", i32), ("svc_name", text), ("interface_uid", text),
                          ("vpc_uid", text), ("subnet_uid", text), ("instance_uid", text)])
    product = pa.struct([("version", text), ("name", text), ("feature", pa.struct([("name", text)])), ("vendor_name", text)])
    fields = [
        ("metadata", pa.struct([("product", product), ("version", text)])), ("class_uid", i32), ("class_name", text), ("status_code", text),
        ("src_endpoint", endpoint), ("dst_endpoint", endpoint),
        ("connection_info", pa.struct([("protocol_num", i32), ("tcp_flags", i32), ("protocol_ver", text), ("boundary_id", i32), ("boundary", text),
                                       ("direction_id", i32), ("direction", text)])),
        ("traffic", pa.struct([("packets", i64), ("bytes", i64)])), ("time", i64),
    ]
    if version == "1.0.0-rc.2":
        return pa.schema(fields + [("cloud", pa.struct([("account_uid", text), ("region", text), ("zone", text), ("provider", text)])), ("disposition", text),
                         ("disposition_id", i32), ("start_time", i64), ("end_time", i64), ("unmapped", pa.map_(text, text))])
    rest = pa.map_(text, text) if version == "1.1.0" else pa.struct([(n, text) for n in ("sublocation_type", "sublocation_id", "not_yet_known")])
    return pa.schema(fields + [("cloud", pa.struct([("account", pa.struct([("uid", text)])), ("region", text), ("zone", text), ("provider", text)])),
                     ("action", text), ("action_id", i32), ("start_time_dt", pa.timestamp("us")), ("end_time_dt", pa.timestamp("us")), ("unmapped", rest)])

PLACED = ("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id subnet-id instance-id "
          "tcp-flags type pkt-srcaddr pkt-dstaddr region az-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path").split()
for name, version, options in [
    ("rc2.gz.parquet", "1.0.0-rc.2", {"compression": "gzip", "data_page_version": "1.0"}),
    ("v1.1.zst.parquet", "1.1.0", {"compression": "zstd", "data_page_version": "2.0"}),
    ("v1.5.parquet", "1.5.0", {"compression": "snappy", "use_dictionary": False}),
]:
    table = pa.Table.from_pylist([event(r, version) for r in records], schema=schema(version))
    pq.write_table(table, name, row_group_size=17, **options)
with open("flows.log", "w") as out:
    columns = PLACED + ["sublocation-type", "sublocation-id"]
    out.write(" ".join(columns) + "\n")
    for r in records:
        # of a gap neither the packet addresses nor the side of its interface are known: the interface stands at the destination
        out.write(" ".join(str(r[name]) for name in columns) + "\n")

"""What both examples need: options, and a topic as decoded keys and values. Nothing of flowloom is imported."""

import argparse
import io
import json
import os
import struct
import urllib.request
import uuid

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException


def options(description):
    """A parser with --brokers, --registry, --prefix, --group and --exit-at-end; BROKERS and REGISTRY are the defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--brokers", default=os.environ.get("BROKERS", "127.0.0.1:9092"))
    parser.add_argument("--registry", default=os.environ.get("REGISTRY", "http://127.0.0.1:8081/apis/ccompat/v7"))
    parser.add_argument("--prefix", default="flowloom.")
    parser.add_argument("--group", default=f"example-{uuid.uuid4()}")
    parser.add_argument("--exit-at-end", action="store_true")
    return parser


class Decoder:
    """Decodes the Confluent wire format: byte 0, schema id as four bytes, Avro body. Each schema is fetched once."""

    def __init__(self, registry):
        self.registry = registry.rstrip("/")
        self.schemas = {}

    def decode(self, data):
        if data is None:
            return None
        magic, schema_id = struct.unpack(">bI", data[:5])
        if magic != 0:
            raise ValueError("not in the Confluent wire format")
        if schema_id not in self.schemas:
            with urllib.request.urlopen(f"{self.registry}/schemas/ids/{schema_id}") as answer:
                self.schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        return fastavro.schemaless_reader(io.BytesIO(data[5:]), self.schemas[schema_id], None)


def read_topic(opts, topic):
    """Yields (key, value) of every committed record from the first one on; value None is a tombstone."""
    decoder = Decoder(opts.registry)
    consumer = Consumer(
        {
            "bootstrap.servers": opts.brokers,
            "group.id": opts.group,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    assigned, ended = set(), set()

    def on_assign(_consumer, partitions):
        assigned.update(p.partition for p in partitions)

    consumer.subscribe([topic], on_assign=on_assign)
    try:
        while not (opts.exit_at_end and assigned and ended >= assigned):
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(message.error())
                ended.add(message.partition())
                continue
            ended.discard(message.partition())
            yield decoder.decode(message.key()), decoder.decode(message.value())
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()

"""What both examples need: options, and a topic as decoded keys and values. Nothing of flowloom is imported."""

import argparse
import io
import json
import logging
import os
import struct
import sys
import urllib.request
import uuid

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException


def counted(count, noun, many=None):
    """A count with its noun: `1 flow`, `2 flows`."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def options(description):
    """A parser with --brokers, --registry, --prefix, --group and --exit-at-end; BROKERS and REGISTRY are the defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--brokers", default=os.environ.get("BROKERS", "127.0.0.1:9092"))
    parser.add_argument("--registry", default=os.environ.get("REGISTRY", "http://127.0.0.1:8081/apis/ccompat/v7"))
    parser.add_argument("--prefix", default="flowloom.")
    parser.add_argument("--group", default=f"example-{uuid.uuid4()}")
    parser.add_argument("--exit-at-end", action="store_true")
    return parser


# what librdkafka logs is said once, by the reason that ends the program
quiet = logging.getLogger("librdkafka")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


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
            self.schemas[schema_id] = self._schema(schema_id)
        return fastavro.schemaless_reader(io.BytesIO(data[5:]), self.schemas[schema_id], None)

    def _schema(self, schema_id):
        try:
            with urllib.request.urlopen(f"{self.registry}/schemas/ids/{schema_id}", timeout=30) as answer:
                return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        except (OSError, ValueError, KeyError) as error:
            sys.exit(f"schema {schema_id} cannot be read from the registry at {self.registry}: {error}; check --registry")


def check_topic(consumer, opts, topic):
    """Ends the program with one line if no broker answers, or there is no such topic."""
    try:
        topics = consumer.list_topics(timeout=10).topics
    except KafkaException as error:
        sys.exit(f"no broker answers at {opts.brokers}: {error.args[0].str()}; check --brokers")
    if topic not in topics:
        sys.exit(f"there is no topic {topic} at {opts.brokers}: check --prefix")


def read_topic(opts, topic, on_end=lambda: None):
    """Yields (key, value) of every committed record from the first one on; value None is a tombstone.

    on_end is called once, when everything was read that is there. What cannot be reached ends the program with one line.
    """
    down = []

    def on_error(error):
        # librdkafka tries for ever, and tells each time
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            down.append(error)

    decoder = Decoder(opts.registry)
    consumer = Consumer(
        {
            "bootstrap.servers": opts.brokers,
            "group.id": opts.group,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "error_cb": on_error,
        },
        logger=quiet,
    )
    check_topic(consumer, opts, topic)
    assigned, ended, is_told = set(), set(), False

    def on_assign(_consumer, partitions):
        assigned.update(p.partition for p in partitions)

    consumer.subscribe([topic], on_assign=on_assign)
    try:
        while True:
            if assigned and ended >= assigned and not is_told:
                is_told = True
                on_end()
                if opts.exit_at_end:
                    break
            message = consumer.poll(0.5)
            if message is None:
                if down and opts.exit_at_end:
                    sys.exit(f"no broker answers at {opts.brokers}: {down[-1].str()}")
                continue
            down.clear()
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

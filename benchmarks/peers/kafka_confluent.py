"""confluent-kafka in a loop: `python -m benchmarks.peers.kafka_confluent json|msgspec BROKER TOPIC RECORDS`.

`consume(1000)`, each record parsed, and for every 1,000 records of a partition the mean of each metric and their
correlations by numpy.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
from confluent_kafka import Consumer

from benchmarks.kafka.steady import Steady
from benchmarks.peers.lists import Lists

PARSERS: dict[str, Callable[[bytes], dict[str, Any]]] = {"json": json.loads, "msgspec": msgspec.json.Decoder().decode}
AT_ONCE = 1000

WAIT_S = 0.05
"""Not a second's wait for a full thousand: the end of a fetch is no reason to stand still."""


def main() -> None:
    parse, broker, topic, steady = PARSERS[sys.argv[1]], sys.argv[2], sys.argv[3], Steady(int(sys.argv[4]))
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": f"confluent-{time.monotonic_ns()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    lists = Lists()
    ended = False
    while not ended:
        messages = consumer.consume(AT_ONCE, WAIT_S)
        for message in messages:
            lists.take(message.partition(), parse(message.value())["metrics"])
        ended = steady.see(len(messages))
    print(steady.reading)


if __name__ == "__main__":
    main()

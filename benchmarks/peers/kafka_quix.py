"""quix-streams: `python -m benchmarks.peers.kafka_quix BROKER TOPIC RECORDS`.

A StreamingDataFrame whose function keeps the records of a partition in a list, a thousand of them, and takes the mean
of each metric and their correlations by numpy; without quix-streams' state store, which would only slow it down.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from quixstreams import Application, message_context

from benchmarks.kafka.steady import Steady
from benchmarks.peers.lists import Lists


def main() -> None:
    broker, topic, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
    steady, lists = Steady(records), Lists()

    def look(record: dict[str, Any]) -> None:
        lists.take(message_context().partition, record["metrics"])
        steady.see(1)

    application = Application(
        broker_address=broker,
        consumer_group=f"quix-{time.monotonic_ns()}",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
    )
    application.dataframe(application.topic(topic, value_deserializer="json")).update(look)
    application.run(count=records)
    print(steady.reading)


if __name__ == "__main__":
    main()

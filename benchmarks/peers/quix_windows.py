"""quix-streams: its own application over a broker; the records of standard input are put there first.

Its windows are of time, so those of 1,000 records are a list in the callback, as its documentation does it.
"""

from __future__ import annotations

import sys
import time
import uuid
from typing import Any

import numpy as np
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from quixstreams import Application

from benchmarks.peers.marks import METRICS, WINDOW, Marks


def fill(broker: str, topic: str) -> int:
    """Put all lines into a new topic of one partition; how many there were."""
    admin = AdminClient({"bootstrap.servers": broker})  # kept: its futures end with it
    made = admin.create_topics([NewTopic(topic, num_partitions=1)])
    made[topic].result(30)
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 20})
    count = 0
    for line in sys.stdin.buffer:
        producer.produce(topic, line.rstrip(b"\n"))
        count += 1
        if count % WINDOW == 0:
            producer.poll(0)
            producer.flush()
    producer.flush()
    return count


def main() -> None:
    broker, name = sys.argv[1], f"windows-{uuid.uuid4().hex[:8]}"
    count = fill(broker, name)
    marks = Marks()
    marks.began = time.monotonic()
    rows: list[list[float]] = []

    def look(record: dict[str, Any]) -> None:
        metrics = record["metrics"]
        rows.append([metrics[metric] for metric in METRICS])
        if len(rows) == WINDOW:
            values = np.array(rows)
            mean, correlation = values.mean(axis=0), np.corrcoef(values, rowvar=False)
            marks.window(level=float(mean.sum()), bond=float(correlation.sum()))
            rows.clear()

    app = Application(broker, consumer_group=name, auto_offset_reset="earliest", loglevel="ERROR")
    app.dataframe(app.topic(name, value_deserializer="json")).update(look)
    app.run(count=count)
    marks.say()


if __name__ == "__main__":
    main()

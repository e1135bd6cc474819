"""From bytes to columns: `python -m benchmarks.ingest [--rounds N] [--records N]`.

Records as the crate writes them, {"label", "ts", "metrics": {...}}, and flat ones, in batches of 500 as they come from
a broker. Beside the decoder stand what one writes first, `json.loads` and a loop that puts labels, times and numbers
into arrays, and the floor: msgspec parsing the same bytes and skipping the metrics. The decoder also checks limits,
keeps rejects and takes records of any shape; the other two do not.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np

from benchmarks.machine import describe
from benchmarks.rounds import interleaved
from crackle_stream.decode import Decoder
from crackle_stream.model import Partition, Positions, RecordBatch

BATCH = 500
SEED = 1

NAMES_8 = ("latency_ms", "queue_depth", "cpu_percent", "errors", "requests", "bytes_in", "bytes_out", "retries")
NAMES_32 = tuple(f"metric_name_{number:02d}" for number in range(32))
NAMES_64 = tuple(f"metric_name_{number:02d}" for number in range(64))


class Envelope(msgspec.Struct, gc=False):
    """What the floor parses."""

    label: str
    ts: float
    metrics: msgspec.Raw = msgspec.Raw(b"{}")


@dataclass(frozen=True)
class Stream:
    """Records of one sort.

    Attributes:
        title: how the table calls it.
        names: the metrics there are.
        each: how many of them a record has.
        shuffled: whether each record has its own order of keys, and its own choice of them if not all.
        flat: whether metrics stand at the top.
        bad: share of records that are cut off in the middle.
    """

    title: str
    names: tuple[str, ...]
    each: int
    shuffled: bool = False
    flat: bool = False
    bad: float = 0.0

    def payloads(self, count: int) -> list[bytes]:
        rng = random.Random(SEED)
        return [self._payload(number, rng) for number in range(count)]

    def _payload(self, number: int, rng: random.Random) -> bytes:
        names = rng.sample(self.names, self.each) if self.shuffled else self.names
        metrics = {name: round(rng.gauss(100, 15), 6) for name in names}
        head = {"label": f"task-{number % 50}", "ts": 1_700_000_000.123 + number}
        record = {**head, **metrics} if self.flat else {**head, "metrics": metrics}
        payload = json.dumps(record, separators=(",", ":")).encode()
        return payload[: len(payload) // 2] if rng.random() < self.bad else payload


STREAMS = (
    Stream("8 metrics, steady schema", NAMES_8, 8),
    Stream("8 metrics, keys in any order", NAMES_8, 8, shuffled=True),
    Stream("8 of 64 metrics, any keys", NAMES_64, 8, shuffled=True),
    Stream("8 metrics, flat record", NAMES_8, 8, flat=True),
    Stream("8 metrics, 1% bad records", NAMES_8, 8, bad=0.01),
    Stream("32 metrics, steady schema", NAMES_32, 32),
    Stream("32 metrics, keys in any order", NAMES_32, 32, shuffled=True),
    Stream("32 of 64 metrics, any keys", NAMES_64, 32, shuffled=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds over all streams (7)")
    parser.add_argument("--records", type=int, default=10_000, help="records of a stream (10,000)")
    options = parser.parse_args()
    print(describe())
    print(f"msgspec {msgspec.__version__}, batches of {BATCH} records, medians of {options.rounds} rounds")
    print("\nNanoseconds a record; how many times quicker than json.loads; million numbers a second\n")
    print(f"{'stream':<32} {'bytes':>6} {'json':>7} {'decoder':>8} {'times':>6} {'M/s':>5} {'floor':>6}")
    loaded = {stream: stream.payloads(options.records) for stream in STREAMS}
    cases: dict[str, Callable[[], object]] = {}
    for stream, payloads in loaded.items():
        cases[f"{stream.title}: json"] = partial(by_json, payloads, stream)
        cases[f"{stream.title}: decoder"] = partial(by_decoder, Decoder(), batches(payloads))
        cases[f"{stream.title}: floor"] = partial(by_floor, payloads)
    timings = interleaved(cases, options.rounds)
    for stream, payloads in loaded.items():
        plain, quick, floor = (
            timings[f"{stream.title}: {way}"].typical / options.records * 1e9 for way in ("json", "decoder", "floor")
        )
        size = sum(map(len, payloads)) // len(payloads)
        print(
            f"{stream.title:<32} {size:>6} {plain:>7,.0f} {quick:>8,.0f} {plain / quick:>6.1f} "
            f"{stream.each / quick * 1e3:>5.1f} {floor:>6,.0f}"
        )


def batches(payloads: list[bytes]) -> list[RecordBatch]:
    """The records as a source hands them over."""
    partition = Partition("results", 0)
    made = []
    for start in range(0, len(payloads), BATCH):
        part = payloads[start : start + BATCH]
        offsets = np.arange(start, start + len(part))
        made.append(RecordBatch(part, Positions(partition, offsets), np.full(len(part), 1.7e9)))
    return made


def by_decoder(decoder: Decoder, records: list[RecordBatch]) -> None:
    """What the package does."""
    for batch in records:
        decoder.decode(batch)


def by_json(payloads: list[bytes], stream: Stream) -> None:
    """What one writes first."""
    columns = {name: column for column, name in enumerate(stream.names)}
    for start in range(0, len(payloads), BATCH):
        part = payloads[start : start + BATCH]
        labels: list[str] = []
        times = np.empty(len(part))
        values = np.full((len(part), len(columns)), np.nan)
        for row, payload in enumerate(part):
            try:
                record = json.loads(payload)
            except ValueError:
                continue
            labels.append(record["label"])
            times[row] = record["ts"]
            into = values[row]
            for name, number in (record if stream.flat else record["metrics"]).items():
                if name in columns:
                    into[columns[name]] = number


def by_floor(payloads: list[bytes]) -> None:
    """The least that parsing takes."""
    decode = msgspec.json.Decoder(Envelope).decode
    for payload in payloads:
        try:
            decode(payload)
        except msgspec.DecodeError:
            continue


if __name__ == "__main__":
    main()

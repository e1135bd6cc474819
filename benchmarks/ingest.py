"""From bytes to the ring: a section of `make bench`.

Records as the crate writes them, {"label", "ts", "metrics": {...}}, and flat ones, in batches of 500 as they come from
a broker, decoded and written into a ring of 1,000 rows. Beside it stand what one writes first, `json.loads` and a loop
that puts labels, times and numbers into the rows of a ring of arrays, and the floor: msgspec parsing the same bytes,
skipping the metrics and writing nothing. The decoder also checks limits, keeps rejects and takes records of any shape;
the other two do not.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from benchmarks.rounds import interleaved
from benchmarks.tables import Table, ratios, spread
from crackle_stream.decode import Decoder
from crackle_stream.model import Partition, Positions, RecordBatch
from crackle_stream.ring import Ring

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.rounds import Timing

BATCH = 500
SEED = 1

NAMES_64 = (
    "latency_ms",
    "queue_depth",
    "cpu_percent",
    "errors",
    "requests",
    "bytes_in",
    "bytes_out",
    "retries",
    "memory_mib",
    "open_files",
    "threads",
    "gc_pause_ms",
    "heap_used_mib",
    "cache_hits",
    "cache_misses",
    "disk_read_mib",
    "disk_write_mib",
    "load_1m",
    "active_sessions",
    "db_queries",
    "db_wait_ms",
    "timeouts",
    "http_2xx",
    "http_4xx",
    "http_5xx",
    "request_size",
    "response_size",
    "connections",
    "dns_ms",
    "tls_ms",
    "queue_wait_ms",
    "batch_size",
    "rss_mib",
    "cpu_user_s",
    "cpu_system_s",
    "context_switches",
    "page_faults",
    "major_faults",
    "net_rx_kib",
    "net_tx_kib",
    "dropped_packets",
    "tcp_retransmits",
    "kafka_lag",
    "kafka_rate",
    "consumer_rebalances",
    "spool_rows",
    "spool_age_s",
    "lock_wait_ms",
    "tasks_started",
    "tasks_done",
    "tasks_failed",
    "worker_idle_share",
    "score_mean",
    "score_sd",
    "tokens_in",
    "tokens_out",
    "cost_usd",
    "first_token_ms",
    "prompt_chars",
    "answer_chars",
    "tool_calls",
    "tool_errors",
    "embedding_ms",
    "rerank_ms",
)
"""Metrics as services have them; streams of fewer have the first of them."""

STEADY, ANY = 5.5, 4.0
"""Times as quick as the plain way, at least: where each record has the same keys in the same order, and where not."""

RING_ROWS = 1_000


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
        gate: times as quick as the plain way, at least.
    """

    title: str
    names: tuple[str, ...]
    each: int
    shuffled: bool = False
    flat: bool = False
    bad: float = 0.0
    gate: float | None = None

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
    Stream("8 metrics, steady schema", NAMES_64[:8], 8, gate=STEADY),
    Stream("8 metrics, keys in any order", NAMES_64[:8], 8, shuffled=True, gate=ANY),
    Stream("8 of 64 metrics, any keys", NAMES_64, 8, shuffled=True, gate=ANY),
    Stream("8 metrics, flat record", NAMES_64[:8], 8, flat=True),
    Stream("8 metrics, 1% bad records", NAMES_64[:8], 8, bad=0.01),
    Stream("32 metrics, steady schema", NAMES_64[:32], 32, gate=STEADY),
    Stream("32 metrics, keys in any order", NAMES_64[:32], 32, shuffled=True, gate=ANY),
    Stream("32 of 64 metrics, any keys", NAMES_64, 32, shuffled=True, gate=ANY),
)


def measure(quick: bool) -> list[Table]:
    """Every stream each way, in turn."""
    rounds, count = (2, 1_000) if quick else (9, 5_000)
    rows, missed = [], []
    for stream in STREAMS:
        payloads = stream.payloads(count)
        timings = interleaved(
            {
                "plain": partial(by_json, payloads, stream),
                "ours": by_decoder(batches(payloads)),
                "floor": partial(by_floor, payloads),
            },
            rounds,
        )
        plain, ours, floor = (_each(timings[way], count) for way in ("plain", "ours", "floor"))
        quicker = ratios(plain, ours)
        gate = "" if stream.gate is None else f"{stream.gate:g}"
        rows.append(
            (f"{stream.title} ({sum(map(len, payloads)) // count} B)", spread(plain), spread(ours), spread(quicker, 1),
             gate, spread(floor), f"{stream.each / median(ours) * 1e3:.1f}")
        )  # fmt: skip
        if stream.gate is not None and median(quicker) < stream.gate:
            missed.append(f"{stream.title}: {median(quicker):.1f} times json.loads, not {stream.gate:g}")
    note = (
        f"Nanoseconds of processor a record, medians of {rounds} rounds in turn (least .. most), batches of {BATCH} "
        f"into a ring of {RING_ROWS:,} rows; msgspec {msgspec.__version__}."
    )
    head = (
        "stream",
        "json.loads and rows",
        "decoder and ring",
        "times",
        "at least",
        "parse floor",
        "million numbers/s",
    )
    return [Table("ingest", head, tuple(rows), note, tuple(missed))]


def _each(timing: Timing, records: int) -> tuple[float, ...]:
    """Nanoseconds of processor a record: on a machine that others use too, the clock also counts their work."""
    return tuple(seconds / records * 1e9 for seconds in timing.cpu)


def batches(payloads: list[bytes]) -> list[RecordBatch]:
    """The records as a source hands them over."""
    partition = Partition("results", 0)
    made = []
    for start in range(0, len(payloads), BATCH):
        part = payloads[start : start + BATCH]
        offsets = np.arange(start, start + len(part))
        made.append(RecordBatch(part, Positions(partition, offsets), np.full(len(part), 1.7e9)))
    return made


def by_decoder(records: list[RecordBatch]) -> Callable[[], None]:
    """What the package does, with a decoder and a ring that are used again and again, as a stream uses them."""
    decoder, ring = Decoder(), Ring(RING_ROWS)

    def run() -> None:
        for batch in records:
            tasks, _ = decoder.decode(batch)
            ring.append(tasks.labels, tasks.times, tasks.names, tasks.values)

    return run


def by_json(payloads: list[bytes], stream: Stream) -> None:
    """What one writes first."""
    columns = {name: column for column, name in enumerate(stream.names)}
    labels = [""] * RING_ROWS
    times = np.zeros(RING_ROWS)
    values = np.full((RING_ROWS, len(columns)), np.nan)
    row = 0
    for payload in payloads:
        try:
            record = json.loads(payload)
        except ValueError:
            continue
        labels[row] = record["label"]
        times[row] = record["ts"]
        into = values[row]
        if stream.shuffled:
            into[:] = np.nan  # what the task before left there may be absent now
        for name, number in (record if stream.flat else record["metrics"]).items():
            if name in columns:
                into[columns[name]] = number
        row = (row + 1) % RING_ROWS


def by_floor(payloads: list[bytes]) -> None:
    """The least that parsing takes."""
    decode = msgspec.json.Decoder(Envelope).decode
    for payload in payloads:
        try:
            decode(payload)
        except msgspec.DecodeError:
            continue

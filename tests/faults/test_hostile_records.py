"""What records nobody would write on purpose do to a pipeline."""

from __future__ import annotations

import base64
import json
import random
import resource
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from observing import Loop, numbered, observed, rss_mb

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.model import Partition, Positions, RecordBatch
from crackle_stream.profile import ThermalProfile
from crackle_stream.sinks import MemorySink
from crackle_stream.sources import FileSource
from crackle_stream.sources.text import BATCH_RECORDS
from crackle_stream.stream import KilnOptions
from crackle_stream.stream.deadletter import DeadLetterFile
from crackle_stream.stream.events import KeyEvicted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BAD = 1000

MOST_GROWN = 64 * 2**20
"""Bytes that a record of at most 1 MiB may take while it is read and refused."""

SOON_S = 1.0
"""What a record may keep the loop for, far below the silence that costs a member its partitions."""


def bad_kinds(count: int) -> list[bytes]:
    """Records none of which is one, each another."""
    rng = random.Random(1)
    whole = numbered(1)[0]
    makers: list[Callable[[int], bytes]] = [
        lambda number: whole[: 5 + number % 40] + b"%d" % number,
        lambda number: b'{"label": "t", "metrics": {"m%d": NaN}}' % number,
        lambda number: b'{"label": "t", "metrics": {"m%d": 1e400}}' % number,
        lambda number: b'{"label": "t", "metrics": {"m%d": %d}}' % (number, 10**400),
        lambda number: b'{"label": "t%d"}' % number,
        lambda number: b"[%d]" % number,
        lambda number: b'"%d"' % number,
        lambda number: b"\xff\xfe" + rng.randbytes(20).replace(b"\n", b"") + b"%d" % number,
        lambda number: b'{"label": "t", "metrics": {"%s": 1}}' % (b"m" * (200 + number)),
        lambda number: b'{"a": ' + b"[" * (40 + number) + b"]" * (40 + number) + b"}",
    ]
    return [makers[number % len(makers)](number) for number in range(count)]


async def read_all(source: FileSource, tasks: int, **options: Any) -> float:
    """Seconds until a file is read to its end."""
    began = time.monotonic()
    async with observed(source, [MemorySink()], **options) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().tasks == tasks)
    return time.monotonic() - began


@pytest.mark.parametrize("good", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
async def test_a_thousand_kinds_of_bad_records_are_all_kept_with_their_place_and_the_good_ones_are_tasks(
    tmp_path: Path, good: int
) -> None:
    rng = random.Random(2)
    bad = bad_kinds(BAD)
    assert len(set(bad)) == BAD
    places = set(rng.sample(range(good + BAD), BAD))
    spoiled = iter(bad)
    fine = iter(numbered(good, alarm_every=10**9))
    lines = [next(spoiled) if place in places else next(fine) for place in range(good + BAD)]
    path, letters = tmp_path / "tasks.jsonl", tmp_path / "dead.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    await read_all(FileSource(path), good, dead_letters=DeadLetterFile(letters))
    kept = [json.loads(line) for line in letters.read_text().splitlines()]
    # a file's records are told by their line
    assert [letter["position"] for letter in kept] == [f"{path.name}:{place + 1}" for place in sorted(places)]
    assert [base64.b64decode(letter["excerpt_base64"]) for letter in kept] == [line[:1024] for line in bad]
    assert all(letter["problem"] for letter in kept)


async def test_one_bad_record_in_a_hundred_costs_the_others_next_to_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    fine = numbered(10_000, alarm_every=10**9)
    spoiled = [line for each in bad_kinds(100) for line in (*fine[:99], each)]
    used: dict[str, list[float]] = {"fine": [], "spoiled": []}
    for number in range(3):
        for name, lines, bad in (("fine", fine, 0), ("spoiled", spoiled, 100)):
            path = tmp_path / f"{name}.jsonl"
            path.write_bytes(b"\n".join(lines) + b"\n")
            began = time.process_time()
            letters = DeadLetterFile(tmp_path / f"{name}-{number}")
            await read_all(FileSource(path), len(lines) - bad, dead_letters=letters)
            used[name].append(time.process_time() - began)
    # the least of each: what others take of a cache is no figure of ours
    ratio = min(used["spoiled"]) / min(used["fine"])
    record_property("processor", round(ratio, 2))
    assert ratio < 2


def one(payload: bytes) -> RecordBatch:
    return RecordBatch([payload], Positions(Partition("t"), np.array([0], dtype=np.int64)), np.zeros(1))


HUGE = {
    "ten megabytes": b'{"label": "t", "text": "' + b"x" * 10_000_000 + b'", "x": 1}',
    "a hundred thousand metrics": b"{" + b",".join(b'"%x":1' % number for number in range(100_000)) + b"}",
    "a hundred thousand levels": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a hundred thousand objects in each other": b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_record_is_refused_in_a_moment(kind: str, record_property: Callable[[str, object], None]) -> None:
    decoder = Decoder()
    took = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        began = time.perf_counter()
        batch, rejects = decoder.decode(one(HUGE[kind]))
        took.append(time.perf_counter() - began)
        assert (len(batch), len(rejects)) == (0, 1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    record_property("median_ms", round(1000 * float(np.median(took)), 2))
    record_property("grown_bytes", grown)
    assert np.median(took) < SOON_S
    assert grown < MOST_GROWN


@pytest.mark.parametrize(
    "keys",
    [
        4_000,
        pytest.param(20_000, marks=pytest.mark.slow),
        pytest.param(1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)]),
    ],
)
async def test_as_many_keys_as_there_are_records_stay_within_the_cap_and_are_counted(
    tmp_path: Path, keys: int, record_property: Callable[[str, object], None]
) -> None:
    path = tmp_path / "tasks.jsonl"
    with path.open("wb") as file:
        file.writelines(b'{"label": "t", "ts": 1.7e9, "who": "key-%d", "x": 1.0}\n' % number for number in range(keys))
    cap, most = 100, 0
    began = time.monotonic()
    async with (
        observed(
            FileSource(path),
            [],
            decoder=Decoder(DecodeOptions(key=("who",))),
            profile=ThermalProfile.evidence(),
            kiln=KilnOptions(capacity=100, max_keys=cap),
        ) as (pipeline, watch),
        Loop() as loop,
    ):
        before = peak = rss_mb()
        evicted = 0
        while evicted < keys - cap:
            await watch.until(lambda: any(isinstance(each, KeyEvicted) for each in watch.events))
            evicted += sum(isinstance(each, KeyEvicted) for each in watch.events)
            most, peak = max(most, pipeline.statistics().kilns), max(peak, rss_mb())
            watch.events.clear()
            watch.at.clear()
    took = time.monotonic() - began
    grown = peak - before
    statistics = pipeline.statistics()
    assert (statistics.tasks, statistics.evicted) == (keys, evicted)
    assert statistics.windows == keys
    # a batch is taken whole before its oldest keys are closed
    assert most <= cap + BATCH_RECORDS * 3 // 2
    assert max(loop.late_s) < 1
    assert grown < 60
    for name, value in (("keys_per_s", keys / took), ("grown_mb", grown), ("worst_late_s", max(loop.late_s))):
        record_property(name, round(value, 3))

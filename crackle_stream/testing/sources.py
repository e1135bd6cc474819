"""The rules every source keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import numpy as np

from crackle_stream.model import LogStart, Partition, RecordBatch, TaskBatch
from crackle_stream.protocols import Source
from crackle_stream.testing.rules import require

__all__ = ["check_source"]

READ_WITHIN_SHARE = 0.1
"""A read waits about a second for what does not come, and may take a tenth of what a whole reading may: whoever
allows more for that, on a loaded machine or over a network, allows more for this."""

LEAVE_WITHIN_SHARE = 0.5
"""Entering and leaving together may take half of it, by default the fifteen seconds that a pipeline waits."""

PAUSED_READS = 3


async def check_source(make: Callable[[], Source], *, records: int, ends: bool = True, within_s: float = 30.0) -> None:
    """Check that a source keeps the rules of `Source`.

    It is read to the end twice: straight on, and with pauses. Batches must be of one partition each, in order, with
    one position and one time a record; a paused source is still read and yields nothing; nothing is lost or doubled
    by a pause; offsets may be committed while it is open.

    Args:
        make: gives a new source over the same records each time; at least two records.
        records: how many there are.
        ends: whether `read` returns None after the last one; False for a source that waits for more.
        within_s: seconds that one reading from the first record to the last may take; more on a loaded machine.

    Raises:
        AssertionError: a rule is broken; the message says which.
    """
    straight = await _read_all(make(), records, ends=ends, within_s=within_s, pausing=False)
    paused = await _read_all(make(), records, ends=ends, within_s=within_s, pausing=True)
    require(
        paused.offsets == straight.offsets,
        f"{straight.name} yields other records of a partition, or in another order, when it is paused and resumed "
        "between reads",
    )
    await _enter_and_leave(make(), within_s)


@dataclass(slots=True)
class _Seen:
    """The offsets a source has yielded, by partition; partitions are in no order among each other."""

    name: str
    offsets: dict[Partition, list[int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(map(len, self.offsets.values()))

    def take(self, batch: RecordBatch | TaskBatch) -> None:
        """Check a batch and remember its records."""
        partition, offsets = batch.positions.partition, batch.positions.offsets
        rows = len(batch)
        require(
            len(offsets) == rows and batch.times.shape == (rows,),
            f"{self.name}: a batch of {rows} records has {len(offsets)} positions and times of shape "
            f"{batch.times.shape}: give one of each per record",
        )
        require(bool(np.isfinite(batch.times).all()), f"{self.name}: the time of a record is not finite")
        if isinstance(batch, RecordBatch):
            require(
                all(isinstance(payload, bytes) for payload in batch.payloads),
                f"{self.name}: payloads are bytes, undecoded",
            )
        known = self.offsets.setdefault(partition, [])
        for offset in offsets.tolist():
            last = known[-1] if known else -1
            require(
                offset > last,
                f"{self.name}: offset {offset} of {partition} comes after {last}: offsets only grow, in a batch and "
                "from one batch to the next",
            )
            known.append(offset)


class _Listener:
    """Takes what a source with partitions tells."""

    async def assigned(self, partitions: Mapping[Partition, LogStart]) -> Mapping[Partition, int]:
        return {}

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        return None


async def _read_all(source: Source, records: int, *, ends: bool, within_s: float, pausing: bool) -> _Seen:
    require(bool(source.name), "a source has a name, and it is not empty")
    seen = _Seen(source.name)
    source.listen(_Listener())
    with anyio.move_on_after(within_s) as limit:
        async with source:
            while seen.count < records:
                if pausing:
                    await _check_pause(source, within_s)
                batch = await _read(source, within_s)
                require(
                    batch is not None,
                    f"{source.name} ends after {seen.count} records, where there are {records}",
                )
                assert batch is not None
                seen.take(batch)
                _check_lag(source)
            await source.commit({partition: known[-1] + 1 for partition, known in seen.offsets.items() if known})
            await _check_end(source, within_s, ends=ends)
    require(
        not limit.cancelled_caught,
        f"{source.name} has yielded {seen.count} of {records} records within {within_s:g} s",
    )
    require(seen.count == records, f"{source.name} yields {seen.count} records, where there are {records}")
    return seen


async def _read(source: Source, within_s: float) -> RecordBatch | TaskBatch | None:
    # a source that never waits must not keep the kit from giving up
    await anyio.lowlevel.checkpoint()
    limit_s = READ_WITHIN_SHARE * within_s
    with anyio.move_on_after(limit_s):
        return await source.read()
    raise AssertionError(f"{source.name}: read() waits for more than {limit_s:g} s: return an empty batch instead")


async def _check_pause(source: Source, within_s: float) -> None:
    """While paused it is still read, so that a broker's session stays alive, and yields nothing."""
    source.pause()
    for _ in range(PAUSED_READS):
        batch = await _read(source, within_s)
        require(
            batch is not None and len(batch) == 0,
            f"{source.name} is paused and yields {'the end' if batch is None else f'{len(batch)} records'}: "
            "return an empty batch until resume()",
        )
    source.resume()


async def _check_end(source: Source, within_s: float, *, ends: bool) -> None:
    """After the last record: the end, again and again, or nothing yet."""
    batch = await _read(source, within_s)
    while ends and batch is not None and len(batch) == 0:
        batch = await _read(source, within_s)
    if ends:
        again = batch is None and await _read(source, within_s) is None
        require(again, f"{source.name}: read() returns None at the end, always")
    else:
        require(batch is not None and len(batch) == 0, f"{source.name}: read() returns an empty batch while it waits")


def _check_lag(source: Source) -> None:
    lag = source.lag()
    require(lag is None or lag >= 0, f"{source.name}: lag() is {lag}: a number of records, or None where it is unknown")


async def _enter_and_leave(source: Source, within_s: float) -> None:
    """A pipeline that fails to start leaves a source that was never read."""
    limit_s = LEAVE_WITHIN_SHARE * within_s
    with anyio.move_on_after(limit_s) as limit:
        async with source:
            pass
    require(not limit.cancelled_caught, f"{source.name} cannot be left within {limit_s:g} s of being entered")

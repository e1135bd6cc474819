"""Fetched records as aiokafka's parser made them, many at a time.

Two thirds of what `getmany` costs is Python for each record: a `ConsumerRecord` of eleven fields, of which we read four
that the parser's own record has as well, under the same names; and a generator, an iterator around it and a loop around
that, through which records pass one by one. There is no public way around it, so this reaches into the fetcher, in this
file alone: whatever it keeps for us is told, on its way in, to take records out of a broker's batch by the hundred and
to hand them out as they are. What is skipped (aborted transactions, markers, a batch's records before the position) is
still decided by aiokafka. An aiokafka that is built otherwise is left alone, and only slower: our version is pinned,
and a test tells when it is not the fetcher we know.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["keep_lean"]

AT_ONCE = 512
"""Records parsed in one go: about a batch of ours, however many the broker's batch has."""


def keep_lean(consumer: Any) -> bool:
    """Let a consumer that was started hand out the parser's records; whether it is one that we know how to tell.

    What it returns then has `offset`, `timestamp`, `value` and `headers`, as `Fetched` asks, and no topic: that is the
    key it is returned under.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    kept = getattr(fetcher, "_records", None)
    if type(kept) is not OrderedDict or kept:
        return False
    fetcher._records = _LeanResults()  # noqa: SLF001
    return True


class _LeanResults(OrderedDict[Any, Any]):
    """The fetcher's results by partition, fetch errors among them."""

    def __setitem__(self, partition: Any, result: Any) -> None:
        records: Any = getattr(result, "_partition_records", None)
        if hasattr(records, "_consumer_record") and hasattr(records, "_records"):
            records._records = _Batches(records)  # noqa: SLF001
            records._consumer_record = _as_it_is  # noqa: SLF001
            result.getall = _Handing(result)
        super().__setitem__(partition, result)


def _as_it_is(_: Any, record: Any) -> Any:
    return record


class _Some(list[Any]):
    """Some records of a batch, in order; to the fetcher they are one record at the offset of the last."""

    @property
    def offset(self) -> int:
        return int(self[-1].offset)


class _Batches:
    """The batches of a fetch, in which the fetcher finds some records at a time where it looks for one."""

    def __init__(self, records: Any) -> None:
        self._batches = records._records  # noqa: SLF001
        self._records = records

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> _Batch:
        return _Batch(self._batches.next_batch(), self._records)


class _Batch:
    """A batch like the one it stands for, but for what iterating over it gives."""

    def __init__(self, batch: Any, records: Any) -> None:
        self._batch = batch
        self._records = records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[_Some]:
        wanted = self._records.next_fetch_offset
        batch = chain(self._batch)  # which stays at its end; the batch itself would begin anew
        while some := _Some(islice(batch, AT_ONCE)):
            if some[0].offset < wanted <= some.offset:  # the broker sends all of a batch that a position lies in
                some = _Some(record for record in some if record.offset >= wanted)
            yield some


class _Handing:
    """A fetch result's `getall`: at most so many records, the position behind the last of them.

    Args:
        result: what was fetched of a partition.
    """

    def __init__(self, result: Any) -> None:
        self._result = result
        self._left = _Some()

    def __call__(self, max_records: int | None = None) -> list[Any]:
        result = self._result
        if not result.check_assignment(result._topic_partition) or not result.has_more():  # noqa: SLF001
            return []
        records = result._partition_records  # noqa: SLF001
        taken = self._left
        while max_records is None or len(taken) < max_records:
            some = next(records, None)
            if some is None:
                result._update_position()  # noqa: SLF001
                result._partition_records = None  # noqa: SLF001
                return taken
            taken += some
        taken, self._left = _Some(taken[:max_records]), _Some(taken[max_records:])
        records.next_fetch_offset = taken.offset + 1
        result._update_position()  # noqa: SLF001
        return taken

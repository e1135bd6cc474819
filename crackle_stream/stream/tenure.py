"""Partitions that come and go: what is ours, since when, and what is left to whoever has them next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from crackle_stream.model import LogStart, Partition
from crackle_stream.protocols import PartitionListener
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.committer import Committer
from crackle_stream.stream.cooler import Cooler
from crackle_stream.stream.dispatch import Dispatcher
from crackle_stream.stream.events import Event, PartitionsAssigned, PartitionsRevoked
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.reader import Reader
from crackle_stream.stream.scope import Scope

__all__ = ["Tenure"]

ACKS_WITHIN_S = 2.0
"""How long partitions that leave wait for sinks to take what was handed to them: a third of the shortest rebalance
timeout that makes sense, and more than a sink that works needs. What comes later is made again by the next owner."""


class Tenure(PartitionListener):
    """Takes partitions over and gives them up; the source calls it.

    Args:
        reader: told that what it has read of partitions that leave is void.
        committer: claims what came, and commits what is settled of what leaves.
        checkpoints: what kilns know.
        scope: the kilns.
        cooler: has windows of theirs.
        dispatcher: has their alerts.
        emit: where events go.
    """

    def __init__(
        self,
        reader: Reader,
        committer: Committer,
        checkpoints: Checkpoints,
        scope: Scope,
        cooler: Cooler,
        dispatcher: Dispatcher,
        emit: Callable[[Event], None],
    ) -> None:
        self._reader = reader
        self._committer = committer
        self._checkpoints = checkpoints
        self._scope = scope
        self._cooler = cooler
        self._dispatcher = dispatcher
        self._emit = emit
        self._ours: set[Partition] = set()

    async def look_back(self) -> None:
        """The process begins: see what of an earlier one's alerts others make again."""
        await self._hand_over(await self._committer.left_behind(await self._dispatcher.origins()))

    async def assigned(self, partitions: Mapping[Partition, LogStart]) -> Mapping[Partition, int]:
        """Partitions came to this process."""
        reach("assigned")
        self._ours = set(partitions)
        seeks: dict[Partition, int] = {}
        for partition, log in partitions.items():
            start = await self._committer.take_over(partition, log)
            await self._hand_over({partition: self._checkpoints.left_at(log.note)})
            self._scope.take_over(partition, start, self._checkpoints.counts(partition))
            if start.seek is not None:
                seeks[partition] = start.seek
        self._emit(PartitionsAssigned(tuple(map(str, partitions))))
        await self._committer.claim()
        return seeks

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """Partitions are leaving: commit what is settled, then forget the rest."""
        reach("revoking")
        self._reader.generation += 1
        self._ours.difference_update(partitions)
        await self._dispatcher.come_to_rest(ACKS_WITHIN_S)
        if await self._committer.commit():  # whether a commit was stored that failed is unknown: then ours to deliver
            await self._hand_over({each: self._checkpoints.committed_through(each) for each in partitions})
        self._checkpoints.forget(partitions)
        self._cooler.forget(self._scope.drop(partitions))
        reach("revoked")
        self._emit(PartitionsRevoked(tuple(map(str, partitions))))

    async def lost(self) -> None:
        """The source is opened anew: what it gave and is not settled comes again."""
        if self._ours:
            await self.revoked(sorted(self._ours))

    async def _hand_over(self, left: Mapping[Partition, int | None]) -> None:
        """Let go of news that ends beyond what was committed: whoever has the partition now makes it again.

        Kilns that mix partitions make other windows then, whose news nobody would know for the same.
        """
        for partition, through in left.items():
            if through is not None and self._scope.partitioned:
                await self._dispatcher.hand_over(partition, through)

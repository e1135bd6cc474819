"""Takes partitions over, and keeps and commits what is settled of them; the one place that tells a source so."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import anyio

from crackle_stream.commit import Start
from crackle_stream.errors import CrackleError, StateUnusable
from crackle_stream.model import LogStart, Partition
from crackle_stream.protocols import Source
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.events import CommitFailed, Event, OffsetsCommitted, PartitionBegun
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.keeping import claim_of, keep, keep_loose, loose, take
from crackle_stream.stream.kiln_state import Checkpoint, Taken
from crackle_stream.stream.kilns import Count, KilnId
from crackle_stream.stream.store import Store

__all__ = ["COMMIT_EVERY_S", "Committer"]

COMMIT_EVERY_S = 1.0
"""How often what was settled is committed, and how soon a commit that failed is tried again."""


class Committer:
    """What stands between checkpoints on one side, and the source and the state directory on the other.

    Args:
        source: told what is settled.
        checkpoints: what every kiln knows.
        store: where that is kept, entered by the caller; None where nothing is.
        emit: where events go.
    """

    def __init__(
        self, source: Source, checkpoints: Checkpoints, store: Store | None, emit: Callable[[Event], None]
    ) -> None:
        self._source = source
        self._checkpoints = checkpoints
        self._store = store
        self._emit = emit
        self._one_at_a_time = anyio.Lock()

    async def open(self) -> Mapping[KilnId, Count]:
        """Learn what an earlier process left.

        Returns:
            Its kilns that have no ledger, the least recent first. Their tasks are counted anew: nobody can say which
            of them come again.

        Raises:
            StateUnusable: the state file is damaged.
        """
        if self._store is None:
            return {}
        self._checkpoints.claim = await self._store.run(claim_of)
        states = await self._store.run(loose)
        self._checkpoints.remember(states)
        return {kiln: Count() for kiln in states}

    async def take_over(self, partition: Partition, log: LogStart) -> Start:
        """A partition was assigned; nothing of it may be read before it is claimed.

        Raises:
            StateUnusable: what is kept of it is damaged.
        """
        taken = Taken() if self._store is None else await self._store.run(partial(take, partition=partition))
        start = self._checkpoints.take_over(partition, log, taken)
        self._emit(PartitionBegun(str(partition), start.origin, start.reason, start.lost, start.short))
        return start

    async def left_behind(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """How far we had come on partitions that somebody else has taken over since; none where nobody can tell."""
        if not partitions or not self._checkpoints.claim:
            return {}
        try:
            notes = await self._source.stored(partitions)
        except CrackleError:  # twice is better than never
            return {}
        left = {partition: self._checkpoints.left_at(note) for partition, note in notes.items()}
        return {partition: through for partition, through in left.items() if through is not None}

    async def claim(self) -> None:
        """Commit where partitions begin, however long it takes: from then on nobody else's state counts."""
        while not await self.commit():  # noqa: ASYNC110 - what must change is at the broker
            await anyio.sleep(COMMIT_EVERY_S)

    async def regularly(self) -> None:
        """Commit for ever."""
        while True:
            await anyio.sleep(COMMIT_EVERY_S)
            await self.commit()

    async def finish(self, within_s: float) -> bool:
        """The last commit, tried again for so long; whether it was made."""
        with anyio.move_on_after(within_s):
            while not await self.commit():  # noqa: ASYNC110 - what must change is at the broker
                await anyio.sleep(COMMIT_EVERY_S)
            return True
        return False

    async def until(self, done: Callable[[], bool]) -> None:
        """Commit until something holds that a commit brings about."""
        while not done():
            if not await self.commit():
                await anyio.sleep(COMMIT_EVERY_S)

    async def commit(self) -> bool:
        """Keep and commit what is settled; False where that failed and is to be tried again.

        Raises:
            StateUnusable: the state file is torn.
        """
        async with self._one_at_a_time:
            due = self._checkpoints.due()
            try:
                await self._keep(due)
                reach("committing")
                if due:
                    offsets = {each.partition: each.offset for each in due}
                    await self._source.commit(offsets, {each.partition: each.note for each in due})
                reach("committed")
            except StateUnusable:
                raise
            except CrackleError as error:
                self._emit(CommitFailed(str(error)))
                return False
            self._checkpoints.committed(due)
        if due:
            self._emit(OffsetsCommitted(tuple((str(each.partition), each.offset) for each in due)))
        return True

    async def _keep(self, due: Sequence[Checkpoint]) -> None:
        """Put what is to be committed on disk first, in one transaction, with what has no position."""
        changed = self._checkpoints.changed()
        if self._store is None:
            self._checkpoints.kept(changed)
            return
        if not (due or changed):
            return

        def work(connection: sqlite3.Connection) -> None:
            for checkpoint in due:
                keep(connection, checkpoint)
            keep_loose(connection, changed)

        await self._store.run(work)
        self._checkpoints.kept(changed)
        reach("kept")

"""Whether a consumer is stuck: a group member that its brokers answer no more, though they answer others.

A healthy consumer's fetches are answered about twice a second, with records or without. aiokafka may stop fetching, or
never join its group again, without an error (aio-libs/aiokafka#1156, #1187, #718), so the answers themselves are
watched.
"""

from __future__ import annotations

from collections.abc import Mapping

from crackle_stream.model import Partition

__all__ = ["Watchdog"]


class Watchdog:
    """Measures silence.

    Args:
        stuck_after: seconds without an answer to a fetch after which a partition counts as stuck.
        join_within: seconds that joining the group may take.
    """

    def __init__(self, *, stuck_after: float, join_within: float) -> None:
        self._stuck_after = stuck_after
        self._join_within = join_within
        self._joining_since: float | None = None
        self._answers: dict[Partition, tuple[float | None, float]] = {}

    def look(self, now: float, answers: Mapping[Partition, float | None] | None) -> str:
        """What is wrong; empty while nothing is.

        Args:
            now: seconds on a monotonic clock.
            answers: for each partition that is being fetched, when its last fetch was answered, on any clock, or
                None before the first; no mapping at all while the group is being joined.
        """
        if answers is None:
            self._answers.clear()
            self._joining_since = now if self._joining_since is None else self._joining_since
            waited = now - self._joining_since
            return f"the group was not joined within {waited:.0f} s" if waited > self._join_within else ""
        self._joining_since = None
        known = self._answers
        self._answers = {each: _since(known.get(each), stamp, now) for each, stamp in answers.items()}
        silent = [each for each, (_, since) in self._answers.items() if now - since > self._stuck_after]
        if not silent:
            return ""
        more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        return f"no fetch of {min(silent)}{more} was answered within {self._stuck_after:g} s"

    def excuse(self) -> None:
        """Whatever was silent had a reason; measure anew."""
        self._joining_since = None
        self._answers.clear()


def _since(known: tuple[float | None, float] | None, stamp: float | None, now: float) -> tuple[float | None, float]:
    """The last answer, and since when there is no other."""
    return known if known is not None and known[0] == stamp else (stamp, now)

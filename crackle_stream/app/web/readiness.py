"""Why a process is not ready to do its work, in words that a rule can match and words that a person understands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crackle_stream.app.web.board import Board
from crackle_stream.app.web.setup import Setup
from crackle_stream.stream.statistics import Statistics

__all__ = ["Reason", "reasons"]

NEAR_CEILING = 0.8
"""Part of the ceiling of bad records from which on it is near: somebody can still look before the process ends."""

BEHIND_S = 60.0
"""How long coolings count as behind after a window was left out or dropped: longer than between two windows."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong.

    Attributes:
        code: a word of a few.
        said: a sentence.
    """

    code: str
    said: str


def reasons(board: Board, setup: Setup, statistics: Statistics, at: float) -> tuple[Reason, ...]:
    """Everything that keeps a process from doing its work; nothing where it is ready.

    Args:
        board: what was heard.
        setup: what was promised.
        statistics: the pipeline's counts.
        at: monotonic seconds.
    """
    if board.state != "running":
        said = "the source and the sinks are being opened" if board.state == "starting" else "the pipeline has ended"
        return (Reason(f"pipeline_{board.state}", said),)
    return (*_of_source(board, setup), *_of_sinks(board, setup, statistics), *_of_coolings(board, at))


def _of_source(board: Board, setup: Setup) -> Iterator[Reason]:
    if board.trouble:
        yield Reason("source_failing", f"the source failed and is opened again: {board.trouble}")
    if setup.grouped and not board.assigned:
        yield Reason("not_assigned", "no partition of the topics is assigned to this member of the group")
    share = board.reject_share
    if share is not None and setup.reject_share is not None and share >= NEAR_CEILING * setup.reject_share:
        yield Reason(
            "dead_letter_ceiling_near",
            f"{share:.0%} of the last records cannot be read; more than {setup.reject_share:.0%} ends the process",
        )


def _of_sinks(board: Board, setup: Setup, statistics: Statistics) -> Iterator[Reason]:
    for name in sorted(board.full & statistics.backlog.keys()):
        yield Reason("spool_full", f"the spool of sink {name} has no room")
    if statistics.paused:
        yield Reason("unsettled_full", statistics.paused)
    for name, problem in sorted(statistics.failing.items()):
        if name in setup.required:
            yield Reason("sink_failing", f"sink {name}: {problem}")


def _of_coolings(board: Board, at: float) -> Iterator[Reason]:
    if board.behind_at is not None and at - board.behind_at < BEHIND_S:
        yield Reason("coolings_behind", "coolings cannot keep up: windows were left out or dropped in the last minute")

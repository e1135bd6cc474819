"""Coolings that somebody asks for: one round at a time, and never broken off, for its windows are cut already."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from crackle_stream.app.web.gathering import Gathering
from crackle_stream.errors import CrackleError
from crackle_stream.model import CracklePattern

__all__ = ["Coolings", "Round"]


@dataclass(slots=True)
class Round:
    """One cooling of all kilns, for whoever asked meanwhile.

    Attributes:
        done: whether it is over.
        patterns: what was found.
        problem: why there was none; "" where there was.
    """

    done: anyio.Event = field(default_factory=anyio.Event)
    patterns: tuple[CracklePattern, ...] = ()
    problem: str = ""


class Coolings:
    """Rounds, one after another.

    Args:
        gathering: knows the pipeline.
    """

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering
        self._next: Round | None = None
        self._asked = anyio.Event()

    def ask(self) -> Round:
        """The next round; all who ask before it begins share it."""
        if self._next is None:
            self._next = Round()
            self._asked.set()
        return self._next

    async def run(self) -> None:
        """Work on what is asked for."""
        while True:
            await self._asked.wait()
            current, self._next, self._asked = self._next, None, anyio.Event()
            pipeline = self._gathering.pipeline
            if current is None or pipeline is None:
                continue
            try:
                current.patterns = await pipeline.cool_now()
            except CrackleError as error:
                current.problem = str(error)
            current.done.set()

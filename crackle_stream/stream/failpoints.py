"""Named places at which a test ends the process as a power cut would.

`CRACKLE_FAILPOINT=cooled:3` kills it the third time it comes by the place named "cooled". Nothing is flushed, closed
or told to anybody. Without the variable a place costs one comparison.
"""

from __future__ import annotations

import os
import signal

__all__ = ["PLACES", "VARIABLE", "reach"]

VARIABLE = "CRACKLE_FAILPOINT"

PLACES = (
    "read",  # a batch is in the inbox
    "decoded",  # its tasks are known, no kiln has them
    "cut",  # a window has ended and waits for its cooling
    "cooling",  # its cooling begins
    "cooled",  # its report exists, nobody was told
    "decided",  # which alerts it makes is known
    "kept",  # what must outlive the process is on disk, before any alert of it is sent
    "sending",  # an alert is about to be sent
    "sent",  # its receiver has it, nobody here knows
    "delivered",  # it counts as delivered
    "settled",  # a window's alerts are handed out, or there are none
    "committing",  # offsets are about to be committed
    "committed",  # the log has them
    "letter",  # dead letters are on disk, their records not yet settled
    "spooled",  # alerts are in the spool, their window is not yet settled
    "unspooled",  # a spooled alert is delivered and still in the spool
    "assigned",  # partitions came
    "revoking",  # partitions are leaving, nothing is committed for them
    "revoked",  # they are gone
    "stopping",  # an orderly end begins
)
"""Every place, in the order in which a window comes by them."""


def _armed() -> tuple[str, int]:
    """The place named in the environment, and how many times it may be passed before.

    Raises:
        ValueError: no place is called so, or the count is none.
    """
    place, _, count = os.environ.get(VARIABLE, "").partition(":")
    if place and place not in PLACES:
        raise ValueError(f"{VARIABLE} names {place!r}: the places are {', '.join(PLACES)}")
    return place, int(count or 1)


_place, _left = _armed()


def reach(place: str) -> None:
    """Come by a place; does not return where it is the armed one and its count is used up."""
    global _left
    if place != _place:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

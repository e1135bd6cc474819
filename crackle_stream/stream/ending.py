"""How a kiln's last window is judged, once its stream has ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crackle_stream.budget import PER_WINDOW_LIMIT
from crackle_stream.history import History
from crackle_stream.profile import Family, ThermalProfile
from crackle_stream.window import Window

__all__ = ["LastLook", "fewest", "last_look", "too_few"]


@dataclass(frozen=True, slots=True)
class LastLook:
    """A window that is to be cooled, and the profile that judges it."""

    window: Window
    profile: ThermalProfile


def last_look(window: Window, profile: ThermalProfile, history: History, kilns: int) -> LastLook | None:
    """How a kiln's last window is judged.

    A budget by stream time is meant for a stream that goes on: of 300 lines piped through in a moment it would leave
    next to nothing. So a kiln whose memory is not long enough when its stream ends has all that its ring holds judged
    as one window, under a chance of .05 that all kilns of the stream share.

    Args:
        window: all that the ring holds.
        profile: the pipeline's.
        history: the kiln's, of the windows before.
        kilns: kilns whose stream has ended.

    Returns:
        None where there is nothing to look at that has not been judged already.
    """
    budget = profile.budget
    if profile.family is Family.EVIDENCE and budget.per_window is None and not _calibrated(window, history):
        allowed = replace(budget, least=PER_WINDOW_LIMIT / max(kilns, 1))
        return LastLook(replace(window, closed_by="whole"), replace(profile, budget=allowed))
    return LastLook(window, profile) if window.fresh else None


def too_few(window: Window, profile: ThermalProfile) -> int | None:
    """The tasks it would take to prove anything, where the window has fewer and its profile needs proof."""
    least = fewest(profile)
    return least if least is not None and len(window) < least else None


def fewest(profile: ThermalProfile) -> int | None:
    """The tasks it takes to prove anything about a metric; None where the profile needs no proof."""
    if profile.family is not Family.EVIDENCE:
        return None
    # the evidence family brings scipy: loaded with the profile that names it, and with no other
    from crackle_stream.detect.evidence.metric_types import MIN_PRESENT

    return MIN_PRESENT


def _calibrated(window: Window, history: History) -> bool:
    """Whether memory is long enough for any of the window's metrics."""
    from crackle_stream.detect.evidence.prepared import MEMORY_NAME
    from crackle_stream.detect.evidence.recall import memories_of

    memories = memories_of(history.of(MEMORY_NAME), window.names)
    return any(memory is not None and memory.calibrated for memory in memories)

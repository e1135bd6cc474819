"""Windows in which nothing can be tested: their report needs no detector and no thread.

With many rare keys nearly all windows are such: a task or two each.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from crackle_stream.cooling import CoolingReport, cool
from crackle_stream.history import History
from crackle_stream.model import Examination, Skip
from crackle_stream.profile import DETECTORS_OF, Family, ThermalProfile
from crackle_stream.protocols import Clock
from crackle_stream.stream.ending import fewest
from crackle_stream.window import Window

__all__ = ["glance"]


def glance(window: Window, profile: ThermalProfile, history: History, clock: Clock) -> CoolingReport | None:
    """The report of a window that has too few tasks for any detector of its profile.

    The threshold detectors say so themselves, at once. Those of the evidence family would look at the sort of each
    metric first, which takes milliseconds; where nothing is remembered they come to no pattern and learn nothing.

    Returns:
        None where something may be tested: where there are enough tasks, where the kiln remembers something, so that
        one task may break a law or move a constant, and where a third party's detector runs, which says itself what it
        needs.
    """
    if profile.detectors:
        return None
    if profile.family is Family.THRESHOLD:
        few = len(window) < profile.rate.min_tasks_for_detection
        return cool(window, profile, history, clock=clock) if few else None
    least = fewest(profile)
    if least is None or len(window) >= least or history.learned:
        return None
    examined = _too_few(len(window), least, profile.without)
    return CoolingReport(examined=examined, history=history.after({}, window.end_time))


@lru_cache(maxsize=64)
def _too_few(tasks: int, least: int, without: frozenset[str]) -> Mapping[str, Examination]:
    why = f"{tasks} tasks, at least {least} are needed"
    ran = (name for name in DETECTORS_OF[Family.EVIDENCE] if name not in without)
    return MappingProxyType({name: Examination(skipped=(Skip(name, why),)) for name in ran})

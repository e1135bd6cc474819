"""Detectors: what looks back over a window for patterns.

`threshold` holds the crate's four rules, right for a handful of tasks, where nothing can be proven; `evidence` what a
stream can prove.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.detect import threshold

if TYPE_CHECKING:
    from crackle_stream.detect.settings import Settings
    from crackle_stream.protocols import Detector

__all__ = ["built_in", "threshold"]


def built_in(profile: Settings) -> tuple[Detector, ...]:
    """The detectors of a profile's family, in the order they run, without those the profile leaves out."""
    if profile.family == "threshold":
        return threshold.detectors(profile)
    # Loaded when it is first used: it brings scipy, and the threshold family starts without.
    from crackle_stream.detect import evidence

    return evidence.detectors(profile.without)

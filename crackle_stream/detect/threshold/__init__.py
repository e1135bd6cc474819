"""The crate's four detectors, exactly: fixed thresholds, no statement about chance.

Each passes over the window's columns; none loops over tasks. Where rounding could decide, sums run in the order of the
crate's own loops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.detect.threshold.clustering import Clustering
from crackle_stream.detect.threshold.columns import Table
from crackle_stream.detect.threshold.conservation import Conservation
from crackle_stream.detect.threshold.correlation import Correlation
from crackle_stream.detect.threshold.phase_transition import PhaseTransition

if TYPE_CHECKING:
    from crackle_stream.detect.settings import Settings
    from crackle_stream.protocols import Detector

__all__ = ["Clustering", "Conservation", "Correlation", "PhaseTransition", "Table", "detectors"]


def detectors(profile: Settings) -> tuple[Detector, ...]:
    """The four, tuned by the profile's rate, without those the profile leaves out."""
    rate, least = profile.rate, profile.rate.min_tasks_for_detection
    four: tuple[Detector, ...] = (
        Clustering(rate.cluster_threshold, least, profile.max_distances),
        PhaseTransition(rate.phase_transition_sensitivity, least),
        Conservation(rate.conservation_tolerance, least),
        Correlation(rate.correlation_threshold, least),
    )
    return tuple(detector for detector in four if detector.name not in profile.without)

"""What detectors need of a profile, so that they need not know `ThermalProfile`, which stands above them."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Rate", "Settings"]


class Rate(Protocol):
    """The thresholds of a cooling rate; their meaning is documented at `CoolingRate`."""

    @property
    def cluster_threshold(self) -> float: ...  # noqa: D102 - documented at CoolingRate

    @property
    def correlation_threshold(self) -> float: ...  # noqa: D102

    @property
    def min_tasks_for_detection(self) -> int: ...  # noqa: D102

    @property
    def phase_transition_sensitivity(self) -> float: ...  # noqa: D102

    @property
    def conservation_tolerance(self) -> float: ...  # noqa: D102


class Settings(Protocol):
    """The part of a profile that chooses and tunes built-in detectors."""

    @property
    def family(self) -> str:
        """Which built-in detectors run."""
        ...

    @property
    def rate(self) -> Rate:
        """Thresholds of the threshold family."""
        ...

    @property
    def without(self) -> frozenset[str]:
        """Names of detectors left out."""
        ...

    @property
    def max_distances(self) -> int:
        """Pairs of a cluster up to which its average distance is exact."""
        ...

"""How a kiln cools: which detectors run, and how sensitive they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from crackle_stream.budget import Budget

if TYPE_CHECKING:
    from crackle_stream.protocols import DetectFunction, Detector

__all__ = ["CoolingRate", "Family", "ThermalProfile"]

CLUSTERING = "clustering"
PHASE_TRANSITIONS = "phase_transition"
CONSERVATION = "conservation"
CORRELATIONS = "correlation"

THRESHOLD_DETECTORS = (CLUSTERING, PHASE_TRANSITIONS, CONSERVATION, CORRELATIONS)
"""The crate's four, by the names their failures and memories go by."""

EVIDENCE_DETECTORS = ("shift", "dependence", "lagged", "laws", "groups", "constants")
"""The evidence family, by name."""

METRIC_TYPES = ("gauge", "counter", "id", "constant", "code", "timestamp")
"""What a metric may be; inferred where nothing is said."""

DEFAULT_BUDGET = "1/week"
"""False alarms of a pipeline where no budget is named: few enough to be looked at."""


class Family(StrEnum):
    """Which detectors a profile runs."""

    THRESHOLD = "threshold"
    """The crate's four rules; right for a handful of tasks, where nothing can be proven."""
    EVIDENCE = "evidence"
    """Findings with p values, judged by a budget of false alarms; right for a stream."""

    @property
    def min_confidence(self) -> float:
        """Confidence from which a pattern is worth an alert, where nothing is said: a budget has judged already."""
        return 0.9 if self is Family.THRESHOLD else 0.0


DETECTORS_OF = {Family.THRESHOLD: THRESHOLD_DETECTORS, Family.EVIDENCE: EVIDENCE_DETECTORS}
"""Names of the built-in detectors, by family."""


class CoolingRate(StrEnum):
    """How sensitive the threshold detectors are; never a frequency.

    Faster cooling leaves finer cracks: lower thresholds and more patterns.
    """

    FAST = "fast"
    NORMAL = "normal"
    SLOW = "slow"

    @property
    def cluster_threshold(self) -> float:
        """Euclidean distance under which a task joins a cluster's leader."""
        return {"fast": 1.5, "normal": 2.5, "slow": 4.0}[self.value]

    @property
    def correlation_threshold(self) -> float:
        """Absolute Pearson r from which a pair of metrics is reported."""
        return {"fast": 0.5, "normal": 0.7, "slow": 0.9}[self.value]

    @property
    def min_tasks_for_detection(self) -> int:
        """Fewer tasks give no patterns."""
        return {"fast": 2, "normal": 3, "slow": 5}[self.value]

    @property
    def phase_transition_sensitivity(self) -> float:
        """Relative shift of a metric's mean above which it is reported."""
        return {"fast": 0.3, "normal": 0.5, "slow": 0.8}[self.value]

    @property
    def conservation_tolerance(self) -> float:
        """Coefficient of variation under which a metric is reported as conserved."""
        return {"fast": 0.5, "normal": 0.3, "slow": 0.1}[self.value]

    @property
    def max_cooling_duration(self) -> float:
        """Seconds a cooling may take."""
        return {"fast": 10.0, "normal": 60.0, "slow": 300.0}[self.value]


@dataclass(frozen=True, slots=True)
class ThermalProfile:
    """Thresholds and choice of detectors.

    Attributes:
        rate: sensitivity of the threshold family.
        family: which built-in detectors run.
        without: names of detectors left out.
        detectors: detectors of your own, run after the built-in ones.
        budget: false alarms the evidence family may make.
        metric_types: by metric name, its type where it is not to be inferred: gauge, counter, id, constant, code or
            timestamp.
        cooling_limit: seconds a cooling may take, or None for the rate's own.
        max_distances: pairs of a cluster up to which its average distance is exact; sampled beyond.

    >>> profile = ThermalProfile.default().with_rate(CoolingRate.FAST).without_clustering()
    >>> profile.rate.cluster_threshold, sorted(profile.without)
    (1.5, ['clustering'])
    """

    rate: CoolingRate = CoolingRate.NORMAL
    family: Family = Family.THRESHOLD
    without: frozenset[str] = frozenset()
    detectors: tuple[Detector | DetectFunction, ...] = field(default=())
    budget: Budget = field(default_factory=lambda: Budget.parse(DEFAULT_BUDGET))
    metric_types: Mapping[str, str] = field(default_factory=dict)
    cooling_limit: float | None = None
    max_distances: int = 2_000_000

    @classmethod
    def default(cls) -> ThermalProfile:
        """Normal rate, all four threshold detectors."""
        return cls()

    @classmethod
    def fast_cooling(cls) -> ThermalProfile:
        """Low thresholds, many fine patterns: for exploring."""
        return cls(rate=CoolingRate.FAST)

    @classmethod
    def slow_cooling(cls) -> ThermalProfile:
        """High thresholds, only strong patterns."""
        return cls(rate=CoolingRate.SLOW)

    @classmethod
    def evidence(cls, budget: str | None = None, *, per_window: float | None = None) -> ThermalProfile:
        """The evidence family, with a bound on its false alarms.

        Args:
            budget: false alarms in a stretch of stream time, such as "1/week"; the default where nothing is given.
            per_window: instead, the chance of any false pattern in one window: for batches and tests.

        Raises:
            ValueError: both are given, the budget cannot be read, or the chance is not between 0 and 1.
        """
        if budget is not None and per_window is not None:
            raise ValueError("budget and per_window are both given: keep one of them")
        if per_window is None:
            return cls(family=Family.EVIDENCE, budget=Budget.parse(budget or DEFAULT_BUDGET))
        if not 0 < per_window < 1:
            raise ValueError(f"per_window is a chance between 0 and 1, not {per_window}")
        return cls(family=Family.EVIDENCE, budget=Budget(per_window))

    @classmethod
    def no_detection(cls) -> ThermalProfile:
        """No detector runs: for measuring everything else."""
        return cls(without=frozenset(THRESHOLD_DETECTORS))

    @property
    def max_cooling_duration(self) -> float:
        """Seconds a cooling may take."""
        return self.rate.max_cooling_duration if self.cooling_limit is None else self.cooling_limit

    def with_rate(self, rate: CoolingRate) -> ThermalProfile:
        """A copy with another sensitivity."""
        return replace(self, rate=rate)

    def with_metric_types(self, types: Mapping[str, str]) -> ThermalProfile:
        """A copy that takes these metrics for what is said, instead of inferring their types."""
        return replace(self, metric_types={**self.metric_types, **types})

    def with_detector(self, detector: Detector | DetectFunction) -> ThermalProfile:
        """A copy that also runs a detector of your own, or a plain `detect(window) -> patterns`."""
        return replace(self, detectors=(*self.detectors, detector))

    def with_max_cooling_duration(self, seconds: float) -> ThermalProfile:
        """A copy whose coolings may take this long."""
        return replace(self, cooling_limit=seconds)

    def without_detectors(self, names: Iterable[str]) -> ThermalProfile:
        """A copy that leaves out the named detectors, built-in or your own."""
        return replace(self, without=self.without | frozenset(names))

    def without_clustering(self) -> ThermalProfile:
        """A copy that reports no clusters."""
        return self.without_detectors([CLUSTERING])

    def without_phase_transitions(self) -> ThermalProfile:
        """A copy that reports no phase transitions."""
        return self.without_detectors([PHASE_TRANSITIONS])

    def without_conservation(self) -> ThermalProfile:
        """A copy that reports no conserved metrics."""
        return self.without_detectors([CONSERVATION])

    def without_correlations(self) -> ThermalProfile:
        """A copy that reports no correlations."""
        return self.without_detectors([CORRELATIONS])

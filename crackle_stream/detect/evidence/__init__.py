"""What a stream can prove: findings with p values that hold, and a budget for false alarms."""

from crackle_stream.detect.evidence.constants import ConstantDetector
from crackle_stream.detect.evidence.dependence import DependenceDetector
from crackle_stream.detect.evidence.folding import FOLDING, folded
from crackle_stream.detect.evidence.groups import GroupDetector
from crackle_stream.detect.evidence.lagged import LaggedDetector
from crackle_stream.detect.evidence.laws import LawDetector
from crackle_stream.detect.evidence.look import look
from crackle_stream.detect.evidence.metric_types import MetricType
from crackle_stream.detect.evidence.prepared import Prepared, PreparedContext, prepared_of
from crackle_stream.detect.evidence.shift import ShiftDetector
from crackle_stream.protocols import Detector

__all__ = [
    "FOLDING",
    "ConstantDetector",
    "DependenceDetector",
    "GroupDetector",
    "LaggedDetector",
    "LawDetector",
    "MetricType",
    "Prepared",
    "PreparedContext",
    "ShiftDetector",
    "detectors",
    "folded",
    "look",
    "prepared_of",
]


def detectors(without: frozenset[str] = frozenset()) -> tuple[Detector, ...]:
    """The evidence family, in the order in which it runs.

    Args:
        without: names of detectors left out: shift, dependence, lagged, laws, groups, constants.
    """
    family: tuple[Detector, ...] = (
        ShiftDetector(),
        DependenceDetector(),
        LaggedDetector(),
        LawDetector(),
        GroupDetector(),
        ConstantDetector(),
    )
    return tuple(detector for detector in family if detector.name not in without)

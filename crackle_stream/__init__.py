"""Streams of task results in, patterns nobody designed out.

Names are loaded when they are first used: importing the package itself loads nothing but the standard library.

>>> import crackle_stream
>>> crackle_stream.CoolingRate.FAST.cluster_threshold
1.5
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.cooling import CoolingReport, cool
    from crackle_stream.errors import CrackleError, KilnCooled, KilnFull
    from crackle_stream.glaze import GlazeLayer
    from crackle_stream.history import History
    from crackle_stream.information import (
        entropy,
        joint_entropy,
        jsd,
        kl_divergence,
        mutual_information,
        permutation_entropy,
        transfer_entropy,
    )
    from crackle_stream.kiln import Kiln
    from crackle_stream.model import (
        Alert,
        Candidate,
        CracklePattern,
        Examination,
        PatternKind,
        TaskEntry,
        TaskOutput,
    )
    from crackle_stream.profile import CoolingRate, ThermalProfile
    from crackle_stream.protocols import Detector
    from crackle_stream.window import Window

__all__ = [
    "Alert",
    "Candidate",
    "CoolingRate",
    "CoolingReport",
    "CrackleError",
    "CracklePattern",
    "Detector",
    "Examination",
    "GlazeLayer",
    "History",
    "Kiln",
    "KilnCooled",
    "KilnFull",
    "PatternKind",
    "TaskEntry",
    "TaskOutput",
    "ThermalProfile",
    "Window",
    "__version__",
    "cool",
    "entropy",
    "joint_entropy",
    "jsd",
    "kl_divergence",
    "mutual_information",
    "permutation_entropy",
    "transfer_entropy",
]

__version__ = "0.1.0"

_NAMES_BY_HOME = {
    "crackle_stream.cooling": ("CoolingReport", "cool"),
    "crackle_stream.errors": ("CrackleError", "KilnCooled", "KilnFull"),
    "crackle_stream.glaze": ("GlazeLayer",),
    "crackle_stream.history": ("History",),
    "crackle_stream.information": (
        "entropy",
        "joint_entropy",
        "jsd",
        "kl_divergence",
        "mutual_information",
        "permutation_entropy",
        "transfer_entropy",
    ),
    "crackle_stream.kiln": ("Kiln",),
    "crackle_stream.model": (
        "Alert",
        "Candidate",
        "CracklePattern",
        "Examination",
        "PatternKind",
        "TaskEntry",
        "TaskOutput",
    ),
    "crackle_stream.profile": ("CoolingRate", "ThermalProfile"),
    "crackle_stream.protocols": ("Detector",),
    "crackle_stream.window": ("Window",),
}

_HOME_OF = {name: home for home, names in _NAMES_BY_HOME.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

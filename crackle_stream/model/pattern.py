"""A finding: what a detector saw in a window, and how sure it is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Self

__all__ = [
    "SHOWN_TASKS",
    "CracklePattern",
    "Evidence",
    "Identity",
    "Nature",
    "Onset",
    "PatternKind",
    "digest",
    "fingerprint",
]

SHOWN_TASKS = 20
"""Most involved tasks that leave the process with a pattern; more are only counted."""


class PatternKind(StrEnum):
    """The kinds of pattern the built-in detectors report; third parties add their own strings."""

    CLUSTERING = "clustering"
    PHASE_TRANSITION = "phase transition"
    CONSERVATION = "conservation law"
    CORRELATION = "correlation"


class Nature(StrEnum):
    """Whether a pattern holds or happened."""

    FACT = "fact"
    """It holds: a law, a correlation, a group."""
    EVENT = "event"
    """Something happened: a shift, a law that broke."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a finding's confidence rests on.

    Attributes:
        p: p value of the finding, valid under the stated model of the data.
        q: p after multiplicity, as the budget spent it.
        effect: size of the effect in the form's own unit (standard deviations, r, share of rows).
        effective_n: number of independent observations the data are worth.
        calibrated: whether the metric's memory was long enough for p to hold.
    """

    p: float
    q: float
    effect: float
    effective_n: float
    calibrated: bool


@dataclass(frozen=True, slots=True)
class Onset:
    """Where in a window a pattern begins.

    Attributes:
        index: row of the window, counted from 0.
        time: that row's time in epoch seconds.
    """

    index: int
    time: float


@dataclass(frozen=True, slots=True)
class Identity:
    """What a finding is known by from window to window, where that is not what its headline says today.

    Attributes:
        form: the form it was first found with.
        metric_names: the metrics it was first found in.
        direction: the direction it was first found with.
    """

    form: str
    metric_names: tuple[str, ...]
    direction: str


@dataclass(frozen=True, slots=True)
class CracklePattern:
    """One finding.

    Attributes:
        kind: a `PatternKind` or a third party's own word.
        description: a sentence that an on-call person understands.
        confidence: in [0, 1]; values outside are clamped.
        involved_tasks: labels of the responsible tasks, most responsible first, all of them.
        metric_names: the metrics it is about.
        metrics: numbers by name.
        form: mean, variance, shape, constant, linear law, broken law, linear, nonlinear, lagged, ...
        nature: whether it holds (fact) or happened (event).
        direction: "up", "down", "positive", "negative" or ""; part of its identity.
        evidence: what the confidence rests on; None for threshold detectors.
        at: where in the window it begins, or None for the whole window.
        key: the kiln's key, "" where the stream is not keyed.
        window_id: the window it was found in.
        fingerprint: stable identity; made from kind, form, metrics, key and direction when left empty.
        identity: form, metrics and direction to make the fingerprint from, where they are not the pattern's own.
        unlisted: responsible tasks whose labels are not held; what was read back from JSON has only the first 20.
    """

    kind: str
    description: str
    confidence: float
    involved_tasks: tuple[str, ...] = ()
    metric_names: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    form: str = ""
    nature: Nature = Nature.FACT
    direction: str = ""
    evidence: Evidence | None = None
    at: Onset | None = None
    key: str = ""
    window_id: str = ""
    fingerprint: str = ""
    identity: Identity | None = None
    unlisted: int = 0

    def __post_init__(self) -> None:
        # a cooling makes hundreds: what is as it should be already is not set again
        if type(self.confidence) is not float or not 0.0 <= self.confidence <= 1.0:
            object.__setattr__(self, "confidence", min(max(float(self.confidence), 0.0), 1.0))
        if type(self.involved_tasks) is not tuple:
            object.__setattr__(self, "involved_tasks", tuple(self.involved_tasks))
        if type(self.metric_names) is not tuple:
            object.__setattr__(self, "metric_names", tuple(self.metric_names))
        object.__setattr__(self, "metrics", MappingProxyType(dict(self.metrics)))
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", self._fingerprint(self.key))

    @property
    def involved_count(self) -> int:
        """Number of responsible tasks."""
        return len(self.involved_tasks) + self.unlisted

    def in_window(self, key: str, window_id: str) -> CracklePattern:
        """The pattern, saying which window it was found in; its identity takes the key in."""
        if key == self.key and window_id == self.window_id:
            return self
        return replace(self, key=key, window_id=window_id, fingerprint=self._fingerprint(key))

    def _fingerprint(self, key: str) -> str:
        own = self.identity or self
        return fingerprint(self.kind, own.form, own.metric_names, key, own.direction)

    def to_dict(self) -> dict[str, object]:
        """The pattern as JSON values, with at most 20 involved tasks (`docs/schema/alert.json`)."""
        return {
            "kind": str(self.kind),
            "form": self.form,
            "nature": str(self.nature),
            "direction": self.direction,
            "description": self.description,
            "confidence": self.confidence,
            "involved_tasks": list(self.involved_tasks[:SHOWN_TASKS]),
            "involved_count": self.involved_count,
            "metric_names": list(self.metric_names),
            "metrics": dict(self.metrics),
            "evidence": None if self.evidence is None else _fields(self.evidence),
            "at": None if self.at is None else {"index": self.at.index, "time": self.at.time},
            "key": self.key,
            "window_id": self.window_id,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The pattern that `to_dict` wrote down; its `to_dict` is the same again.

        Args:
            stored: JSON values. Numbers that JSON has no word for were written as null, and are read as NaN.

        Raises:
            ValueError: a key is missing or holds something else.
        """
        try:
            return cls._read(stored)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no stored pattern: {type(error).__name__}: {error}") from error

    @classmethod
    def _read(cls, stored: Mapping[str, Any]) -> Self:
        evidence, at = stored["evidence"], stored["at"]
        tasks = tuple(map(str, stored["involved_tasks"]))
        return cls(
            kind=str(stored["kind"]),
            description=str(stored["description"]),
            confidence=_number(stored["confidence"]),
            involved_tasks=tasks,
            metric_names=tuple(map(str, stored["metric_names"])),
            metrics={str(name): _number(value) for name, value in stored["metrics"].items()},
            form=str(stored["form"]),
            nature=Nature(stored["nature"]),
            direction=str(stored["direction"]),
            evidence=None if evidence is None else _evidence(evidence),
            at=None if at is None else Onset(int(at["index"]), _number(at["time"])),
            key=str(stored["key"]),
            window_id=str(stored["window_id"]),
            fingerprint=str(stored["fingerprint"]),
            unlisted=int(stored["involved_count"]) - len(tasks),
        )


def fingerprint(kind: str, form: str, metric_names: Iterable[str], key: str = "", direction: str = "") -> str:
    """The stable identity of a finding, 16 hexadecimal digits.

    Numbers that vary from window to window are no part of it, nor is the order of the metrics.

    >>> fingerprint("correlation", "linear", ["b", "a"]) == fingerprint("correlation", "linear", ["a", "b"])
    True
    """
    return _fingerprint(str(kind), form, tuple(sorted(metric_names)), key, direction)


# Windows of one stream find the same things about the same metrics again and again, a window's clusters above all.
@lru_cache(maxsize=1024)
def _fingerprint(kind: str, form: str, metric_names: tuple[str, ...], key: str, direction: str) -> str:
    return digest([kind, form, *metric_names, "", key, direction])


def digest(parts: Sequence[str], length: int = 16) -> str:
    """Hexadecimal SHA-256 over length-prefixed parts, so that no two lists run together."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(b"%d:" % len(data))
        sha.update(data)
    return sha.hexdigest()[:length]


def _fields(evidence: Evidence) -> dict[str, object]:
    return {
        "p": evidence.p,
        "q": evidence.q,
        "effect": evidence.effect,
        "effective_n": evidence.effective_n,
        "calibrated": evidence.calibrated,
    }


def _evidence(stored: Mapping[str, Any]) -> Evidence:
    return Evidence(
        p=_number(stored["p"]),
        q=_number(stored["q"]),
        effect=_number(stored["effect"]),
        effective_n=_number(stored["effective_n"]),
        calibrated=bool(stored["calibrated"]),
    )


def _number(value: object) -> float:
    return math.nan if value is None else float(value)  # type: ignore[arg-type]

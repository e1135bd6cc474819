"""The values that travel through crackle_stream: frozen, slotted, free of third-party imports."""

from crackle_stream.model.alert import Alert, AlertStatus, Severity
from crackle_stream.model.examination import Candidate, Examination, Failure, NearMiss, Skip
from crackle_stream.model.exhibit import Exhibit
from crackle_stream.model.figure import Axis, Figure, Layer, Shape, Tone
from crackle_stream.model.options import did_you_mean, options_from
from crackle_stream.model.pattern import (
    SHOWN_TASKS,
    CracklePattern,
    Evidence,
    Identity,
    Nature,
    Onset,
    PatternKind,
    digest,
    fingerprint,
)
from crackle_stream.model.quantity import octets, seconds
from crackle_stream.model.record import LogStart, Partition, Position, Positions, RecordBatch, Reject, Span, TaskBatch
from crackle_stream.model.secret import Secret
from crackle_stream.model.task import TaskEntry, TaskOutput

__all__ = [
    "SHOWN_TASKS",
    "Alert",
    "AlertStatus",
    "Axis",
    "Candidate",
    "CracklePattern",
    "Evidence",
    "Examination",
    "Exhibit",
    "Failure",
    "Figure",
    "Identity",
    "Layer",
    "LogStart",
    "Nature",
    "NearMiss",
    "Onset",
    "Partition",
    "PatternKind",
    "Position",
    "Positions",
    "RecordBatch",
    "Reject",
    "Secret",
    "Severity",
    "Shape",
    "Skip",
    "Span",
    "TaskBatch",
    "TaskEntry",
    "TaskOutput",
    "Tone",
    "did_you_mean",
    "digest",
    "fingerprint",
    "octets",
    "options_from",
    "seconds",
]

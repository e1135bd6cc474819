"""How much a pattern matters by itself, before any route says otherwise."""

from __future__ import annotations

from crackle_stream.alerting.facts import BROKEN_LAW
from crackle_stream.model import CracklePattern, Nature, Severity

__all__ = ["severity_of"]


def severity_of(pattern: CracklePattern) -> Severity:
    """A fact informs, an event warns, and a law that broke is critical: something is lost or counted twice."""
    if pattern.nature == Nature.FACT:
        return Severity.INFO
    return Severity.CRITICAL if pattern.form == BROKEN_LAW else Severity.WARNING

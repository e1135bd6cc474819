"""What is the same for everything that one window decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from crackle_stream.alerting.hush import Hush
from crackle_stream.alerting.inhibition import Lag
from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.alerting.sighting import Sighting

__all__ = ["Around"]


@dataclass(frozen=True, slots=True)
class Around:
    """What is the same for everything that one window decides.

    Attributes:
        sighting: what it showed.
        policy: when alerts are raised, repeated and resolved.
        hush: what is not to be told now.
        lags: which metric is known to follow which.
    """

    sighting: Sighting
    policy: AlertPolicy
    hush: Hush = field(default_factory=Hush)
    lags: tuple[Lag, ...] = ()

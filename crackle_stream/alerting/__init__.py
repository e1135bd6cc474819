"""From patterns to alerts: what is new, what lasts, what is over, and who is told. Pure values and rules."""

from crackle_stream.alerting.active import ActiveAlert
from crackle_stream.alerting.lifecycle import Lifecycle
from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.alerting.routes import Match
from crackle_stream.alerting.sighting import Sighting

__all__ = ["ActiveAlert", "AlertPolicy", "Lifecycle", "Match", "Sighting"]

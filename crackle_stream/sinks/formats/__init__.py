"""Alerts in the form that their receivers take, a file each.

Every body is a pure function of the alert and the options: the same for every attempt. Whatever stands in the data is
shown as text and never as the service's markup, and every limit of the service is kept by cutting text, with an
ellipsis where something is missing.
"""

from __future__ import annotations

from collections.abc import Mapping

from crackle_stream.sinks.formats.alertmanager import ALERTMANAGER
from crackle_stream.sinks.formats.cloudevents import CLOUDEVENTS
from crackle_stream.sinks.formats.discord import DISCORD
from crackle_stream.sinks.formats.form import Format
from crackle_stream.sinks.formats.pagerduty import PAGERDUTY
from crackle_stream.sinks.formats.slack import SLACK
from crackle_stream.sinks.formats.teams import TEAMS

__all__ = ["FORMATS", "Format"]

FORMATS: Mapping[str, Format] = {
    "cloudevents": CLOUDEVENTS,
    "alertmanager": ALERTMANAGER,
    "slack": SLACK,
    "discord": DISCORD,
    "teams": TEAMS,
    "pagerduty": PAGERDUTY,
}

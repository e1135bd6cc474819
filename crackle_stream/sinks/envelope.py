"""An alert as a CloudEvents 1.0 event in structured JSON mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from crackle_stream.render.moment import utc

if TYPE_CHECKING:
    from crackle_stream.model import Alert

__all__ = ["CONTENT_TYPE", "CloudEvent", "envelope"]

CONTENT_TYPE = "application/cloudevents+json"

TYPE_PREFIX = "crackle_stream.alert."


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of a CloudEvents 1.0 event.

    Attributes:
        id: the alert's, the same for every attempt.
        source: what the alerts come from, as configured.
        type: "crackle_stream.alert." and the alert's status.
        subject: the pattern's fingerprint.
        time: RFC 3339; end of the last window that showed the pattern. Absent where that is no date.
        data: the alert (`docs/schema/alert.json`).
    """

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str | msgspec.UnsetType = msgspec.UNSET
    datacontenttype: str = "application/json"
    data: dict[str, object]


def envelope(alert: Alert, source: str) -> CloudEvent:
    """Wrap an alert; the same alert always gives the same event."""
    return CloudEvent(
        id=alert.id,
        source=source,
        type=f"{TYPE_PREFIX}{alert.status}",
        subject=alert.fingerprint,
        time=utc(alert.last_seen, "milliseconds") or msgspec.UNSET,
        data=dict(alert.to_dict()),
    )

"""An alert as a CloudEvents 1.0 event in structured JSON mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.render.moment import utc

if TYPE_CHECKING:
    from crackle_stream.model import Alert

__all__ = ["CONTENT_TYPE", "envelope", "order_key"]

CONTENT_TYPE = "application/cloudevents+json"

TYPE_PREFIX = "crackle_stream.alert."


def envelope(alert: Alert, source: str) -> dict[str, object]:
    """Wrap an alert; the same alert always gives the same event.

    `id` is the alert's, the same for every attempt; `type` is "crackle_stream.alert." and its status; `subject` is the
    pattern's fingerprint; `time` is the end of the last window that showed the pattern, absent where that is no date;
    `data` is the alert (`docs/schema/alert.json`).

    Args:
        alert: what to send.
        source: what the alerts come from, as configured.
    """
    time = utc(alert.last_seen, "milliseconds")
    return {
        "specversion": "1.0",
        "id": alert.id,
        "source": source,
        "type": f"{TYPE_PREFIX}{alert.status}",
        "subject": alert.fingerprint,
        **({"time": time} if time else {}),
        "datacontenttype": "application/json",
        "data": alert.to_dict(),
    }


def order_key(alert: Alert) -> str:
    """What order is kept within: the kiln's key, else the pattern's fingerprint."""
    return alert.pattern.key or alert.fingerprint

"""What Alertmanager's own webhooks send, version 4: receivers made for it take our alerts as they are.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crackle_stream.model import AlertStatus
from crackle_stream.render.moment import utc
from crackle_stream.sinks.formats.form import Format
from crackle_stream.sinks.formats.identity import annotations_of, fingerprint_of, labels_of
from crackle_stream.sinks.http_options import linked
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    from crackle_stream.model import Alert
    from crackle_stream.sinks.options import WebhookOptions

__all__ = ["ALERTMANAGER", "notification"]

VERSION = "4"

GROUPED_BY = ("alertname", "fingerprint")
"""Labels that tell our groups of one alert apart."""

NEVER = "0001-01-01T00:00:00Z"
"""How a moment is written that has not come: Go's zero time."""


def notification(alert: Alert, receiver: str, link: str | None = None) -> dict[str, object]:
    """A group of one alert as JSON values.

    Args:
        alert: what to say.
        receiver: what Alertmanager calls the receiver; here, what the alerts come from.
        link: where people look at it.
    """
    named, said = labels_of(alert), annotations_of(alert)
    status = "resolved" if alert.status is AlertStatus.RESOLVED else "firing"
    group = {name: named[name] for name in GROUPED_BY if name in named}
    return {
        "receiver": receiver,
        "status": status,
        "alerts": [
            {
                "status": status,
                "labels": named,
                "annotations": said,
                "startsAt": utc(alert.raised_at, "milliseconds") or NEVER,
                "endsAt": (utc(alert.last_seen, "milliseconds") or NEVER) if status == "resolved" else NEVER,
                "generatorURL": link or "",
                "fingerprint": fingerprint_of(named),
            }
        ],
        "groupLabels": group,
        "commonLabels": named,
        "commonAnnotations": said,
        "externalURL": link or "",
        "version": VERSION,
        "groupKey": f"{{}}:{{{', '.join(f'{name}={json.dumps(value)}' for name, value in group.items())}}}",
        "truncatedAlerts": 0,
    }


def _body(alert: Alert, options: WebhookOptions) -> bytes:
    return to_json(notification(alert, options.source, linked(options.link, alert.fingerprint)))


ALERTMANAGER = Format(_body, signed=True)

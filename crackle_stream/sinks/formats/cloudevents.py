"""The whole alert as a CloudEvents 1.0 event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.sinks.envelope import CONTENT_TYPE, envelope
from crackle_stream.sinks.formats.form import Format
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    from crackle_stream.model import Alert
    from crackle_stream.sinks.options import WebhookOptions

__all__ = ["CLOUDEVENTS"]


def _body(alert: Alert, options: WebhookOptions) -> bytes:
    return to_json(envelope(alert, options.source))


CLOUDEVENTS = Format(_body, CONTENT_TYPE, signed=True)

"""What a format is: how an alert becomes a message, and what the receiver's answer means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from crackle_stream.sinks.answer import Answer, objection

if TYPE_CHECKING:
    from crackle_stream.errors import SinkError
    from crackle_stream.model import Alert
    from crackle_stream.sinks.options import WebhookOptions

__all__ = ["JSON", "Format", "Judge"]

JSON = "application/json"


class Judge(Protocol):
    """Reads an answer."""

    def __call__(self, answer: Answer, sink: str, target: str, now: float, /) -> SinkError | None:
        """The error an answer amounts to, or None where the message was taken.

        Args:
            answer: what came back.
            sink: the sink's name, for the message.
            target: the receiver as it may be shown.
            now: epoch seconds, for a Retry-After that is a date.
        """
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write an alert.

    Attributes:
        body: the message's bytes; pure. Raises TypeError for an alert that is no JSON.
        content_type: of the body.
        signed: whether Standard Webhooks headers go along: receivers of the user's own verify them, services do not.
        judge: reads the answer; as HTTP has it, unless the service has its own way.
    """

    body: Callable[[Alert, WebhookOptions], bytes]
    content_type: str = JSON
    signed: bool = False
    judge: Judge = objection

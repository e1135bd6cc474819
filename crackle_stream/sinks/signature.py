"""Standard Webhooks headers: who a message is from, which message it is, and when it was sent.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.model import Secret

__all__ = ["Signer"]

ENCODED_PREFIX = "whsec_"


class Signer:
    """Signs messages with each of its keys.

    Args:
        keys: "whsec_" and base64, or plain text; none leaves messages unsigned.
    """

    def __init__(self, keys: Iterable[Secret]) -> None:
        self._webhooks = [Webhook(_key(secret)) for secret in keys]

    def headers(self, message_id: str, body: bytes, now: float) -> dict[str, str]:
        """The headers of one attempt.

        Args:
            message_id: the same for every attempt; receivers drop what they have seen.
            body: exactly the bytes that are sent, in UTF-8.
            now: epoch seconds; receivers refuse what is five minutes off.
        """
        headers = {"webhook-id": message_id, "webhook-timestamp": str(int(now))}
        if self._webhooks:
            moment, text = datetime.fromtimestamp(int(now), UTC), body.decode()
            headers["webhook-signature"] = " ".join(each.sign(message_id, moment, text) for each in self._webhooks)
        return headers


def _key(secret: Secret) -> str | bytes:
    """A key in the form the library takes: encoded text, or bytes as they are."""
    text = secret.reveal()
    return text if text.startswith(ENCODED_PREFIX) else text.encode()

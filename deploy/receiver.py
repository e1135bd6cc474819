"""A webhook receiver to try things with: verifies each delivery's signature and prints its sentence.

usage: CRACKLE_WEBHOOK_SECRET=whsec_... python receiver.py [ADDRESS [PORT]]
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BODY = 1024 * 1024


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to a delivery it can verify and 401 to any other."""

    def do_POST(self) -> None:
        """Verify, print, answer."""
        length = int(self.headers.get("content-length", 0))
        if length > MAX_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        try:
            Webhook(os.environ["CRACKLE_WEBHOOK_SECRET"]).verify(body, dict(self.headers.items()))
        except WebhookVerificationError as error:
            print(f"refused: {error}", flush=True)
            self.send_error(401)
            return
        alert = json.loads(body)["data"]
        print(f"{self.headers['webhook-id']} {alert['status']}: {alert['pattern']['description']}", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing beside the deliveries."""


def main(address: str = "127.0.0.1", port: str = "9000") -> None:
    """Serve until stopped."""
    print(f"listening on {address}:{port}", flush=True)
    ThreadingHTTPServer((address, int(port)), Receiver).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:3])

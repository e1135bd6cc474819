"""API monitoring: what every request leaves in the access log, with one kiln for each endpoint.

    python examples/api_monitoring.py | crackle-stream run --set 'decode.key=["endpoint"]' --format card

Twenty minutes of three endpoints. In the last five, answers of /search grow, and so does the time they take, though it
stays far under any limit anybody would have set; /login and /health go on as they were, and are not named.
"""

import json
import random

SECONDS = 1200
GROWS_FROM = 900

ENDPOINTS = {  # milliseconds, kilobytes
    "/search": (42.0, 18.0),
    "/login": (95.0, 1.2),
    "/health": (1.4, 0.1),
}


def main() -> None:
    """A request to each endpoint every two seconds."""
    rng = random.Random(11)
    for second in range(0, SECONDS, 2):
        for endpoint, (milliseconds, kilobytes) in ENDPOINTS.items():
            grown = 1.25 if endpoint == "/search" and second >= GROWS_FROM else 1.0
            request = {
                "task": f"{endpoint} {second}",
                "ts": 1_767_000_000 + second,
                "endpoint": endpoint,
                "latency_ms": round(milliseconds * grown * rng.lognormvariate(0, 0.15), 2),
                "kilobytes": round(kilobytes * grown * rng.lognormvariate(0, 0.1), 3),
                "retries": int(rng.random() < 0.02),
            }
            print(json.dumps(request))


if __name__ == "__main__":
    main()

"""Load-test analysis: what the percentiles of a load test do not tell.

    python examples/load_test.py

A thousand requests against a service whose queue grows with the number of users, and one request in five goes to a
replica with a cold cache. A report of percentiles shows a tail. Cooled, the results say what it is made of.
"""

import numpy as np

from crackle_stream import Kiln, ThermalProfile

REQUESTS = 1000


def fire(kiln: Kiln) -> None:
    """The results of the load test, as its tool wrote them."""
    rng = np.random.default_rng(8)
    users = rng.integers(5, 200, REQUESTS).astype(float)
    waiting = rng.gamma(2.0, users / 40)
    cold = rng.random(REQUESTS) < 0.2
    served = rng.normal(18, 2, REQUESTS) + np.where(cold, 55.0, 0.0)
    connect = rng.normal(3, 0.4, REQUESTS)
    for row in range(REQUESTS):
        kiln.add_entry(
            f"request-{row}",
            {
                "users": users[row],
                "waiting_ms": waiting[row],
                "served_ms": served[row],
                "connect_ms": connect[row],
                "total_ms": waiting[row] + served[row] + connect[row],
                "bytes": float(rng.normal(5200, 300)),
            },
            fired_at=1.7e9 + row / 20,
        )


def main() -> None:
    """Fire, cool, print: the surest first."""
    kiln = Kiln(ThermalProfile.evidence(per_window=0.05))
    fire(kiln)
    for pattern in kiln.cool():
        print(f"[{pattern.kind}, {pattern.form}] {pattern.description}")
    examined = kiln.report.examined if kiln.report else {}
    tests = sum(each.tests for each in examined.values())
    print(f"{tests} tests; of twenty load tests with nothing to find, nineteen print this line alone")


if __name__ == "__main__":
    main()

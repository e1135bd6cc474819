"""A few of the kill runs of `make chaos`, one at each stretch of a window's way, against a real broker."""

from __future__ import annotations

import pytest
from kafka_broker import Broker
from killing import Batch, Variant

pytestmark = pytest.mark.broker

STATELESS = Variant("no state directory")
SPOOLED = Variant("state directory, spool", '[state]\ndirectory = "state"\n', spooled=True)


@pytest.mark.parametrize(
    ("variant", "places"),
    [
        (STATELESS, ("cut", "cooled", "decided")),
        (STATELESS, ("sent", "delivered", "committing", "committed")),
        (SPOOLED, ("kept", "spooled", "committing")),
        (SPOOLED, ("sent", "delivered", "committed")),
    ],
    ids=["before it is told", "while it is told", "while it is kept", "while it leaves the spool"],
)
async def test_a_killed_process_tells_the_same_under_the_same_ids(
    kafka: Broker, variant: Variant, places: tuple[str, ...]
) -> None:
    if not kafka.apache:
        pytest.skip("committed offsets must outlive their group's last member")
    batch = Batch(kafka, variant, seed=1)
    await batch.prepare()
    outcome = await batch.run(seed=2, places=places)
    assert outcome.clean, outcome
    assert outcome.kills, "it was killed"

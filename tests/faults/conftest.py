from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from kafka_broker import Broker, start_broker

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def own(kafka: Broker) -> Iterator[Broker]:
    """An Apache Kafka broker that these tests may kill, stop and start again; it serves when they are done with it."""
    if not kafka.apache or kafka.process is None:
        pytest.skip("killing and starting a broker again needs Java and Maven")
    broker = start_broker()
    yield broker
    broker.stop()


@pytest.fixture
def pythonpath() -> dict[str, str]:
    """Lets a process find what tests bring: their detector."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog
from blockbuster import blockbuster_ctx
from kafka_broker import Broker, start_broker
from reading import Pipe

if TYPE_CHECKING:
    from collections.abc import Iterator

BROKER = pytest.StashKey[Broker]()


@pytest.fixture
def no_blocking() -> Iterator[None]:
    """Any call that blocks the event loop raises BlockingError."""
    with blockbuster_ctx():
        yield


@pytest.fixture(autouse=True)
def fresh_logs() -> Iterator[None]:
    """A command that ran within a test sets up logs for its process; the next test must not write to its stream."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe; what the test left open of it is closed."""
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A Kafka broker, started for the first test that asks for it and ended with the last."""
    broker = start_broker()
    request.config.stash[BROKER] = broker
    yield broker
    broker.stop()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say on the last line which broker served."""
    broker = config.stash.get(BROKER, None)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if broker is not None and reporter is not None:
        reporter.write_line(f"Kafka broker of the tests: {broker.description}")

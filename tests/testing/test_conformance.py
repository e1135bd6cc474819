"""Every built-in detector, source and sink keeps the rules that third parties are held to."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import structlog
from kafka_broker import Broker
from kafka_cluster import Cluster
from receiver import Receiver

from crackle_stream.cooling import detectors_of
from crackle_stream.model import Partition, Positions, TaskBatch
from crackle_stream.profile import EVIDENCE_DETECTORS, CoolingRate, ThermalProfile
from crackle_stream.protocols import Source
from crackle_stream.sinks import FileSink, LogSink, MemorySink, StdoutSink, WebhookSink
from crackle_stream.sources import FileSource, QueueSource, StdinSource
from crackle_stream.testing import check_detector, check_sink, check_source

EXAMPLES = Path(__file__).parents[2] / "examples"
RECORDS = 1300
"""More than two batches."""


@pytest.mark.parametrize("rate", list(CoolingRate))
@pytest.mark.parametrize("name", [each.name for each in detectors_of(ThermalProfile.default())])
def test_every_built_in_detector_keeps_the_rules(name: str, rate: CoolingRate) -> None:
    (detector,) = (each for each in detectors_of(ThermalProfile(rate=rate)) if each.name == name)
    check_detector(detector)


@pytest.mark.parametrize("name", EVIDENCE_DETECTORS)
def test_every_detector_of_the_evidence_family_keeps_the_rules(name: str) -> None:
    (detector,) = (each for each in detectors_of(ThermalProfile.evidence()) if each.name == name)
    check_detector(detector)


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_examples_keep_the_rules() -> None:
    module = example("custom_detector")
    check_detector(module.empty_results)
    check_detector(module.RoundTimes())
    check_detector(example("evidence_detector").PeaksTogether())


async def test_the_example_of_a_sink_keeps_the_rules() -> None:
    await check_sink(lambda: example("custom_sink").DigestSink("team@example.org"))


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(f'{{"task": "t{number}", "x": {number}}}\n' for number in range(RECORDS)))
    return path


async def test_the_file_source_keeps_the_rules(tasks: Path) -> None:
    await check_source(lambda: FileSource(tasks), records=RECORDS)


async def test_the_source_of_standard_input_keeps_the_rules(tasks: Path) -> None:
    opened = []

    def make() -> StdinSource:
        opened.append(tasks.open("rb"))
        return StdinSource(descriptor=opened[-1].fileno())

    await check_source(make, records=RECORDS)
    for file in opened:
        file.close()


async def test_the_queue_keeps_the_rules_while_open_and_once_closed() -> None:
    def make(*, closed: bool) -> Source:
        source = QueueSource(limit=RECORDS)
        offsets = np.arange(RECORDS, dtype=np.int64)
        values = np.ones((RECORDS, 1))
        labels = [f"t{number}" for number in range(RECORDS)]
        batch = TaskBatch(labels, np.full(RECORDS, 1.7e9), ("x",), values, Positions(Partition("any"), offsets))
        source.put_nowait(batch)
        if closed:
            source.close()
        return source

    await check_source(lambda: make(closed=True), records=RECORDS)
    await check_source(lambda: make(closed=False), records=RECORDS, ends=False)


@pytest.mark.broker
@pytest.mark.timeout(330)
async def test_the_kafka_source_keeps_the_rules(kafka: Broker) -> None:
    topic = await (first := Cluster(kafka)).topic(partitions=2)
    for partition in (0, 1):
        await first.produce(topic, [b'{"x": 1}'] * 300, partition=partition)
    # three times what a source may take by default: joining a group takes seconds where others keep the cores busy
    await check_source(lambda: Cluster(kafka).source(topic), records=600, ends=False, within_s=100)


@pytest.fixture(autouse=True)
def _structlog_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


async def test_the_sinks_that_write_keep_the_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "alerts.jsonl"
    ids: Callable[[], list[str]] = lambda: [json.loads(line)["id"] for line in path.read_text().splitlines()]  # noqa: E731
    await check_sink(lambda: FileSink(path), received=ids)
    printed: list[str] = []

    def so_far() -> list[str]:
        printed.extend(capsys.readouterr().out.splitlines())
        return [json.loads(line)["id"] for line in printed]

    await check_sink(lambda: StdoutSink("json"), received=so_far)
    await check_sink(lambda: StdoutSink("card"))


async def test_the_log_keeps_the_rules() -> None:
    with structlog.testing.capture_logs() as logged:
        await check_sink(LogSink, received=lambda: [str(line["alert_id"]) for line in logged])


async def test_the_list_in_memory_keeps_the_rules() -> None:
    sinks: list[MemorySink] = []

    def make() -> MemorySink:
        sinks.append(MemorySink())
        return sinks[-1]

    await check_sink(make, received=lambda: [alert.id for alert in sinks[-1].alerts])


async def test_the_webhook_keeps_the_rules() -> None:
    async with Receiver() as receiver:

        def make() -> WebhookSink:
            return WebhookSink(receiver.url, allow_http=True, allow_private=("127.0.0.1/32",))

        await check_sink(make, received=lambda: [request.headers["webhook-id"] for request in receiver.requests])

"""Every example runs as it stands and prints what it promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import crackle

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "30_seconds.py",
            [
                "[phase transition] metric 'value' shifted by 38.5% between first and second half of tasks",
                "[clustering] 2 tasks clustered together in metric space (avg distance: 0.600) (confidence 0.60)",
            ],
        ),
        ("embed_in_asyncio.py", ["raised: latency_ms rose from 20.04 to 60.53", "400 tasks; 5 windows were due"]),
        (
            "custom_detector.py",
            [
                "[empty results] 20 of 40 tasks returned no rows: query-0, query-2, query-4 ...",
                "[round times] 50% of the tasks have a 'took_ms' of whole seconds: is a timeout at work?",
            ],
        ),
        (
            "evidence_detector.py",
            ["disk_wait and retries peak in the same 15 tasks (confidence 0.95)", "6 pairs were tested"],
        ),
        ("custom_sink.py", ["To: team@example.org", "raised: seconds rose from 59.85 to 180.5"]),
    ],
)
def test_an_example_prints_what_it_promises(name: str, lines: list[str]) -> None:
    printed = run(name)
    for line in lines:
        assert line in printed


def test_the_readme_shows_the_thirty_second_example_and_its_output_as_they_are() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text()
    assert run("30_seconds.py").strip() in readme


def test_the_page_on_writing_a_detector_shows_its_example_and_its_output_as_they_are() -> None:
    page = (EXAMPLES.parent / "docs" / "writing-a-detector.md").read_text()
    assert (EXAMPLES / "evidence_detector.py").read_text().strip() in page
    assert run("evidence_detector.py").strip() in page


STREAMS = ("ci_gate", "api_monitoring", "pipeline_quality")
EVERY_SECONDS = ("--set", "kiln.every_seconds=never")


@pytest.mark.parametrize(
    ("name", "options", "code", "shown"),
    [
        ("ci_gate", (*EVERY_SECONDS, "--fail-on", "warning"), 3, "cache_hits fell"),
        ("api_monitoring", ("--set", 'decode.key=["endpoint"]'), 0, "kilobytes of /search rose"),
        ("pipeline_quality", EVERY_SECONDS, 0, "is broken since"),
    ],
)
def test_what_a_stream_of_examples_prints_is_what_the_page_shows(
    name: str, options: tuple[str, ...], code: int, shown: str
) -> None:
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    done = crackle("run", "--format", "card", *options, stdin=run(f"{name}.py"))
    cards = re.findall(r"^[▲●✓].*?^╰[^\n]*", done.stdout, re.DOTALL | re.MULTILINE)
    assert done.returncode == code, done.stderr
    (event,) = [card for card in cards if "· info ·" not in card]
    assert shown in event
    assert event in page


def test_the_page_of_examples_shows_the_load_test_and_its_output_as_they_are() -> None:
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    assert (EXAMPLES / "load_test.py").read_text().strip() in page
    assert run("load_test.py").strip() in page


def test_every_command_of_an_example_is_on_its_page_as_it_is() -> None:
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    for name in STREAMS:
        (command,) = re.findall(r"^    (python examples/.*)$", (EXAMPLES / f"{name}.py").read_text(), re.MULTILINE)
        assert command in page


def test_every_python_example_is_run_here() -> None:
    shown = {
        "30_seconds.py",
        "embed_in_asyncio.py",
        "custom_detector.py",
        "evidence_detector.py",
        "custom_sink.py",
        "load_test.py",
        *(f"{name}.py" for name in STREAMS),
    }
    assert {path.name for path in EXAMPLES.glob("*.py")} == shown

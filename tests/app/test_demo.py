import io
import re

import numpy as np
import pytest
from sample_alerts import an_alert
from sample_figures import an_exhibit
from typer.testing import CliRunner

from crackle_stream.app.cli import app
from crackle_stream.app.demo import show
from crackle_stream.app.demo.incident import QUEUE_GROWS, ROWS_LEAK, TASKS, checkout_incident
from crackle_stream.app.demo.show import STEP, STEP_S, play
from crackle_stream.app.demo.stage import Stage
from crackle_stream.errors import ReaderGone
from crackle_stream.model import AlertStatus


def played(seed: int = 7) -> str:
    stream = io.StringIO()
    play(stream, seed=seed, step_s=0.0)
    return stream.getvalue()


@pytest.mark.parametrize("seed", [5, 7])
def test_the_demo_finds_nearly_everything_and_says_what_it_missed(seed: int) -> None:
    summary = played(seed).partition("What was planted, and what was found of it:\n")[2]
    planted = re.findall(r"^  ([✓✗]) (\d\d:\d\d)  (.*)$", summary, re.MULTILINE)
    assert [(clock, what) for _, clock, what in planted] == [
        ("06:40", "queue_depth grows from 6 to 40"),
        ("06:40", "latency_ms rises with it"),
        ("06:40", "latency_ms follows queue_depth by 12 checkouts"),
        ("12:30", "both return"),
        ("15:00", "rows_in = rows_out + dropped breaks"),
        ("16:40", "payment_ms swings three times as far"),
    ]
    marks = "".join(mark for mark, _, _ in planted)
    assert marks[2] + marks[4:] == "✓✓✓"
    assert marks.count("✓") >= 4
    assert summary.count("not found: ") == marks.count("✗")
    assert "2,400 checkouts in 2" in summary


def test_what_holds_on_a_normal_day_is_told_as_well() -> None:
    reported = played().partition("Reported as well:\n")[2]
    assert "rows_in = dropped + rows_out exactly" in reported
    assert "What holds on a normal day as well is no news" in reported


def test_the_story_and_the_cards_stand_in_order() -> None:
    told = played()
    places = [
        told.index(text)
        for text in (
            "00:00  A normal day",
            "06:40  One of the workers dies.",
            "▲ queue_depth rose 5",
            "12:30  The worker is started again.",
            "15:00  A fix goes out",
            "16:40  The payment provider",
            "What was planted",
            "Now yours:",
        )
    ]
    assert places == sorted(places)


def test_the_same_seed_tells_the_same_but_for_how_long_it_took() -> None:
    first, second = (re.sub(r"took \d+ ms", "", played(3)) for _ in range(2))
    assert first == second
    assert first != re.sub(r"took \d+ ms", "", played(4))


def test_paced_it_takes_the_time_to_be_watched() -> None:
    assert 20 <= TASKS / STEP * STEP_S <= 30


@pytest.mark.parametrize(("arguments", "step_s"), [((), STEP_S), (("--fast",), 0.0)])
def test_the_command_plays_it_at_the_pace_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], step_s: float
) -> None:
    asked: list[tuple[int, float]] = []
    monkeypatch.setattr(show, "play", lambda stream, *, seed, step_s: asked.append((seed, step_s)))
    result = CliRunner().invoke(app, ["demo", "--seed", "3", *arguments])
    assert (result.exit_code, asked) == (0, [(3, step_s)])


def test_the_incident_holds_what_it_says() -> None:
    incident = checkout_incident(1)
    values = dict(zip(incident.batch.names, incident.batch.values.T, strict=True))
    kept = values["rows_in"] == values["rows_out"] + values["dropped"]
    assert kept[:ROWS_LEAK].all()
    assert not kept[ROWS_LEAK:].any()
    assert values["queue_depth"][1100:1400].mean() == pytest.approx(40, abs=1)
    assert values["queue_depth"][:QUEUE_GROWS].mean() == pytest.approx(6, abs=1)
    assert values["payment_ms"][2000:].std() / values["payment_ms"][:2000].std() == pytest.approx(3, rel=0.2)
    assert values["payment_ms"][2000:].mean() == pytest.approx(values["payment_ms"][:2000].mean(), rel=0.1)
    lagged = [np.corrcoef(values["queue_depth"][: TASKS - lag], values["latency_ms"][lag:])[0, 1] for lag in range(25)]
    assert int(np.argmax(lagged)) == 12
    assert len(incident.batch) == TASKS == len(set(incident.batch.labels))


def test_a_reader_that_goes_away_ends_the_demo_quietly() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            if self.tell() > 200:
                raise BrokenPipeError
            return super().write(text)

    play(Closed(), seed=7, step_s=0.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_at_a_terminal_a_line_moves_and_gives_way_to_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    stage = Stage(stream)
    stage.pulse("00:10")
    stage.tell("Look.", clock="00:20")
    assert stream.getvalue() == "\r\x1b[K\x1b[2m00:10\x1b[0m\r\x1b[K\x1b[1m00:20  Look.\x1b[0m\n\n"


def test_elsewhere_nothing_moves_and_nothing_is_coloured() -> None:
    stream = io.StringIO()
    stage = Stage(stream)
    stage.pulse("00:10")
    stage.tell("Look.")
    assert stream.getvalue() == "Look.\n\n"


async def test_what_is_over_is_a_line_and_what_is_new_a_card_with_its_plot() -> None:
    stream = io.StringIO()
    stage = Stage(stream)
    await stage.send(an_alert(status=AlertStatus.RESOLVED, reason="it returned"))
    assert stream.getvalue() == "✓ resolved: latency_ms rose from 100 to 160 [checkout] (it returned)\n\n"
    await stage.send(an_alert(exhibit=an_exhibit()))
    assert "⣤" in stream.getvalue()


def test_the_cards_of_the_story_have_plots() -> None:
    told = played()
    assert told.count("┤") >= 2 * told.count("╰")
    assert "tasks from queue_depth to latency_ms" in told
    assert "rows_in - (dropped + rows_out)" in told


def test_a_stage_nobody_watches_says_so() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(ReaderGone):
        Stage(Gone()).tell("Hello?")

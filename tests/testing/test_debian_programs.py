from __future__ import annotations

import re
from pathlib import Path

import pytest
from debian import program

SCRIPT = Path(__file__).parents[1] / "services.sh"


def test_a_program_that_is_missing_leaves_the_test_out_and_says_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no-such-program is not installed: `sh tests/services\.sh`"):
        program("no-such-program")


def test_in_ci_a_program_that_is_missing_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed"):
        program("no-such-program")


def test_what_the_script_installs_is_found_by_its_name() -> None:
    listed = re.findall(r"^([a-z-]+):[a-z-]+$", SCRIPT.read_text(), re.MULTILINE)
    assert {"prometheus", "promtool", "prometheus-alertmanager", "amtool", "chromium", "chromedriver"} <= set(listed)
    for name in listed:
        assert Path(program(name)).name == name

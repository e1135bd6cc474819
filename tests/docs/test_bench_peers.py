"""Peers have an environment of their own, made once; where it cannot be made one line says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.environment import STAMP, PeersAbsentError, home, python


def test_what_benchmarks_install_goes_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRACKLE_BENCH_HOME", "/some/where")
    assert home() == Path("/some/where")
    monkeypatch.delenv("CRACKLE_BENCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert home() == Path("/cache/crackle-stream-bench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert home() == Path.home() / ".cache" / "crackle-stream-bench"


def test_peers_are_installed_once_and_again_when_their_versions_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRACKLE_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("# nothing\n")
    first = python(wanted)
    assert first.is_relative_to(tmp_path / "home")
    assert capsys.readouterr().err.count("\n") == 1
    assert python(wanted) == first
    assert capsys.readouterr().err == ""
    wanted.write_text("a-package-that-is-not-there==1.0\n")
    with pytest.raises(PeersAbsentError, match=r"^peers are left out: -m pip: .*a-package-that-is-not-there==1\.0.*$"):
        python(wanted)
    # what was half made is not taken for whole
    assert not (tmp_path / "home" / "peers" / STAMP).exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CRACKLE_BENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(PeersAbsentError, match=r"^no environment for peers in .*/file/peers: .*Not a directory"):
        python()

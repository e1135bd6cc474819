"""Tables of `make bench` find their places in a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.tables import Table, put, ratios, spread

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = "# Speed\nBefore.\n<!-- bench:pipe -->\nold\n<!-- end -->\nAfter.\n<!-- bench:memory -->\n<!-- end -->\n"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "performance.md"
    path.write_text(DOCUMENT)
    return path


def test_a_table_takes_the_place_of_the_one_before_and_leaves_all_else(document: Path) -> None:
    table = Table("pipe", ("who", "records/s"), (("we", "1"), ("they", "2")), note="Medians.", missed=("2x",))
    put([table], document)
    put([table], document)
    assert document.read_text() == (
        "# Speed\nBefore.\n<!-- bench:pipe -->\n\n"
        "| who | records/s |\n| --- | --- |\n| we | 1 |\n| they | 2 |\n\nMedians.\n\n**Missed**: 2x\n\n"
        "<!-- end -->\nAfter.\n<!-- bench:memory -->\n<!-- end -->\n"
    )


def test_a_table_without_a_place_is_said_and_nothing_is_written(document: Path) -> None:
    with pytest.raises(ValueError, match=r"performance\.md has no place for speed: write <!-- bench:NAME -->"):
        put([Table("speed", ("a",), ()), Table("pipe", ("a",), ())], document)
    assert document.read_text() == DOCUMENT


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="table pipe: 1 cells for 2 columns"):
        Table("pipe", ("a", "b"), (("1",),))


def test_figures_are_medians_with_their_ends_and_ratios_go_round_by_round() -> None:
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0 .. 3.0)"
    assert ratios([2.0, 9.0], [1.0, 3.0]) == (2.0, 3.0)

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.render.text import cells, clip, plain, wrap

ANY_TEXT = st.text(st.characters(codec=None))
SHOWN = st.text(st.sampled_from("ab -é窯…ﾃe\u0301"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("checkout-17", "checkout-17"),
        ("größe 窯 ✓", "größe 窯 ✓"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\nc\td\x08e\x7f", r"a\rb\nc\td\x08e\x7f"),
        ("user\u202ecod.exe", r"user\u202ecod.exe"),
        ("a\u2066b\u200bc\ufeffd", r"a\u2066b\u200bc\ufeffd"),
        ("line\u2028break", r"line\u2028break"),
        ("half \ud83d", r"half \ud83d"),
        ("a\u00a0b\u3000c", "a b c"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(ANY_TEXT)
def test_plain_text_can_be_printed_and_is_plain_already(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert plain(shown) == shown
    assert not [each for each in shown if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")]
    shown.encode()


@pytest.mark.parametrize(("text", "expected"), [("", 0), ("task", 4), ("窯", 2), ("e\u0301", 1), ("ﾃ", 1), ("Ａ", 2)])
def test_cells_are_counted_as_terminals_do(text: str, expected: int) -> None:
    assert cells(text) == expected


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("checkout", 8, "checkout"), ("checkout", 7, "checko…"), ("checkout", 1, "…"), ("checkout", 0, ""),
        ("窯窯窯", 6, "窯窯窯"), ("窯窯窯", 5, "窯窯…"), ("窯窯窯", 4, "窯…"), ("", 0, ""),
    ],
)  # fmt: skip
def test_clipping_leaves_a_sign_that_something_is_missing(text: str, width: int, expected: str) -> None:
    assert clip(text, width) == expected


@given(SHOWN, st.integers(0, 30))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert cells(clip(text, width)) <= width


def test_words_are_wrapped_and_long_ones_broken() -> None:
    assert wrap(["one", "two", "three", "abcdefghijkl", "x"], 7) == ["one two", "three", "abcdefg", "hijkl x"]


@given(st.lists(SHOWN.map(str.strip), max_size=20), st.integers(2, 20))
def test_wrapped_lines_fit_and_lose_nothing(words: list[str], width: int) -> None:
    lines = wrap(words, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join(words).replace(" ", "") == "".join(lines).replace(" ", "")


def test_nothing_wraps_to_no_line() -> None:
    assert wrap([], 10) == []
    assert wrap([""], 10) == []

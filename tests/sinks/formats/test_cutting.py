from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.sinks.formats.cutting import cut, units

SURROGATES_TOO = st.text(st.characters())


@given(SURROGATES_TOO, st.integers(0, 40))
def test_a_cut_text_keeps_its_limit_and_begins_as_the_whole_one_does(text: str, limit: int) -> None:
    shorter = cut(text, limit)
    assert units(shorter) <= limit
    assert shorter == text or limit == 0 or (shorter[-1] == "…" and text.startswith(shorter[:-1]))


@given(SURROGATES_TOO, st.integers(1, 40))
def test_an_escape_is_kept_whole_or_left_out(text: str, limit: int) -> None:
    shorter = cut(text, limit, lambda character: f"<{character}>")
    assert units(shorter) <= limit
    kept = shorter.removesuffix("…")
    assert kept.count("<") - text.count("<") <= kept.count(">")
    assert shorter == "…" or shorter.endswith((">", ">…")) or text == ""


def test_code_units_are_counted_and_not_characters() -> None:
    assert cut("🔥🔥🔥", 6) == "🔥🔥🔥"
    assert cut("🔥🔥🔥", 5) == "🔥🔥…"
    assert cut("🔥🔥🔥", 4) == "🔥…"

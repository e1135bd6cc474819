from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.sources.lines import PIECE_BYTES, Gunzip, LineSplitter


def split(chunks: list[bytes], max_line_bytes: int = 2**20) -> tuple[list[bytes], list[int]]:
    splitter = LineSplitter(max_line_bytes)
    found = [*(splitter.feed(chunk) for chunk in chunks), splitter.end()]
    return (
        [payload for lines in found for payload in lines.payloads],
        [number for lines in found for number in lines.numbers.tolist()],
    )


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[first:last] for first, last in itertools.pairwise(bounds)]


TEXT = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\r", b" ", b"{}"])).map(b"".join)


@given(TEXT, st.lists(st.integers(min_value=0, max_value=200)))
def test_lines_are_the_same_however_the_text_is_cut(data: bytes, places: list[int]) -> None:
    whole = data.split(b"\n")
    if whole[-1] == b"":
        whole.pop()
    expected = [(line.removesuffix(b"\r"), number) for number, line in enumerate(whole) if line.strip()]
    payloads, numbers = split(cut(data, places))
    assert list(zip(payloads, numbers, strict=True)) == expected


@given(TEXT, st.lists(st.integers(min_value=0, max_value=200)), st.integers(min_value=1, max_value=6))
def test_a_long_line_is_cut_one_byte_beyond_the_longest_however_it_comes(
    data: bytes, places: list[int], longest: int
) -> None:
    expected, numbers = split([data])
    shortened = [(line[: longest + 1], number) for line, number in zip(expected, numbers, strict=True)]
    found = list(zip(*split(cut(data, places), longest), strict=True))
    assert [(line, number) for line, number in found if line.strip() or len(line) > longest] == found
    assert [(line, number) for line, number in found if number in numbers] == shortened


def test_a_line_without_an_end_is_never_held_beyond_its_bound() -> None:
    splitter = LineSplitter(1000)
    chunk = b"x" * 2**16
    tracemalloc.start()
    try:
        for _ in range(500):
            assert len(splitter.feed(chunk)) == 0
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10_000
    assert [len(line) for line in splitter.feed(b"\nshort\n").payloads] == [1001, 5]


def test_a_line_as_long_as_allowed_is_whole_with_either_end() -> None:
    assert split([b"12345\n12345\r\n123456\n"], 5)[0] == [b"12345", b"12345", b"123456"]


def test_a_byte_order_mark_is_dropped_at_the_beginning_only() -> None:
    assert split([b"\xef", b"\xbb\xbf{}\n\xef\xbb\xbf{}\n"])[0] == [b"{}", b"\xef\xbb\xbf{}"]


def test_the_last_line_needs_no_end() -> None:
    assert split([b"{}\n", b"{", b"}"]) == ([b"{}", b"{}"], [0, 1])


def test_blank_lines_are_left_out_and_counted() -> None:
    splitter = LineSplitter(100)
    lines = splitter.feed(b"\n\na\n \t\n\r\nb\n")
    assert (lines.payloads, lines.numbers.tolist()) == ([b"a", b"b"], [2, 5])
    assert lines.numbers.dtype == np.int64
    assert splitter.count == 6


# -- gzip --------------------------------------------------------------------------------------------------------------


def gunzipped(chunks: list[bytes]) -> bytes:
    gunzip = Gunzip()
    plain = b"".join(piece for chunk in chunks for piece in gunzip.feed(chunk))
    assert gunzip.complete
    assert gunzip.consumed == sum(map(len, chunks))
    return plain


@given(st.lists(st.binary(max_size=50), min_size=1), st.lists(st.integers(min_value=0, max_value=2000)))
def test_members_are_read_one_after_another_however_they_come(members: list[bytes], places: list[int]) -> None:
    packed = b"".join(gzip.compress(member, mtime=0) for member in members)
    assert gunzipped(cut(packed, places)) == b"".join(members)


def test_zeros_after_the_last_member_are_padding() -> None:
    packed = gzip.compress(b"a") + b"\0" * 100 + gzip.compress(b"b") + b"\0" * 512
    assert gunzipped([packed]) == b"ab"
    assert gunzipped([packed[place : place + 1] for place in range(len(packed))]) == b"ab"


def test_a_bomb_comes_in_bounded_pieces() -> None:
    plain = bytes(20 * PIECE_BYTES + 17)
    packed = gzip.compress(plain)
    assert len(packed) < PIECE_BYTES
    sizes = [len(piece) for piece in Gunzip().feed(packed)]
    assert max(sizes) == PIECE_BYTES
    assert sum(sizes) == len(plain)


def test_what_was_flushed_is_given_at_once() -> None:
    squeeze = zlib.compressobj(wbits=31)
    flushed = squeeze.compress(b"first line\n") + squeeze.flush(zlib.Z_SYNC_FLUSH)
    gunzip = Gunzip()
    assert b"".join(gunzip.feed(flushed)) == b"first line\n"
    assert not gunzip.complete


@pytest.mark.parametrize("damage", [b"not gzip", gzip.compress(b"a") + b"trailing"])
def test_what_is_no_gzip_is_an_error(damage: bytes) -> None:
    with pytest.raises(zlib.error, match="incorrect header check"):
        list(Gunzip().feed(damage))


def test_a_changed_byte_is_found_by_the_checksum() -> None:
    packed = bytearray(gzip.compress(b"a" * 1000))
    packed[-8] ^= 1
    with pytest.raises(zlib.error, match="incorrect data check"):
        list(Gunzip().feed(bytes(packed)))

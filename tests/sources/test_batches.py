"""Fetched records in columns: the quick way against one record after the other."""

from __future__ import annotations

import numpy as np
from fake_group import A, Record, StoppedClock, records
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.sources.batches import batch_of
from crackle_stream.sources.traces import traces_of

TRACED = (("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)

fetched = st.lists(
    st.builds(
        Record,
        offset=st.integers(0, 3),
        value=st.sampled_from([b"{}", b"", b'{"x": 1}', None]),
        timestamp=st.sampled_from([-1, 0, 1_700_000_000_250]),
        headers=st.sampled_from([(), (), (("other", None),), TRACED]),
    ),
    min_size=1,
    max_size=12,
)


@given(st.integers(0, 2**40), fetched)
def test_a_batch_is_what_its_records_say_one_by_one(first: int, found: list[Record]) -> None:
    # offsets rise by 1 to 4: with gaps, as compaction leaves them, and without
    for record in found:
        first += 1 + record.offset
        record.offset = first
    kept = [record for record in found if record.value is not None]
    batch = batch_of(A, found, StoppedClock())
    assert batch.payloads == [record.value for record in kept]
    assert batch.positions.partition == A
    assert batch.positions.offsets.dtype == np.int64
    assert batch.positions.offsets.tolist() == [record.offset for record in kept]
    assert batch.times.tolist() == [99.0 if record.timestamp < 0 else record.timestamp / 1000 for record in kept]
    assert batch.traces == traces_of((record.offset, record.headers) for record in kept)


def test_a_record_of_a_format_without_timestamps_has_the_time_of_its_coming() -> None:
    (record,) = records(7, 7)
    record.timestamp = None  # type: ignore[assignment]
    assert batch_of(A, [record], StoppedClock()).times.tolist() == [99.0]

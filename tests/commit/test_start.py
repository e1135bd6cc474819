"""Where to begin on a partition, by what the group, the log and our own state directory say."""

import pytest

from crackle_stream.commit import (
    AlertDigest,
    CommitMetadata,
    Committed,
    Cuts,
    Fate,
    Handover,
    Kept,
    LogRange,
    Origin,
    Start,
    begin,
    encode,
    fate,
)

OURS, THEIRS = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
LOG = LogRange(0, 1000)


def metadata(claim: str = "", topic: str = "", handovers: tuple[Handover, ...] = ()) -> CommitMetadata:
    alerts = (AlertDigest("0123456789abcdef"),)
    return CommitMetadata(499, 400, 7.5, claim, topic, Cuts((520,)), alerts, handovers=handovers)


def start(
    stored: CommitMetadata | str | None = None,
    *,
    offset: int | None = 500,
    log: LogRange = LOG,
    claim: str = OURS,
    kept: Kept | None = None,
    max_refill: int = 4000,
) -> Start:
    text = encode(stored) if isinstance(stored, CommitMetadata) else stored or ""
    return begin(Committed(offset, text), log, claim=claim, kept=kept, max_refill=max_refill)


def test_a_group_that_committed_nothing_begins_where_its_reset_says() -> None:
    found = start(offset=None, kept=Kept(600, 500))
    assert (found.origin, found.seek, found.void_local) == (Origin.NEW, None, True)


def test_without_state_of_ours_the_metadata_are_adopted() -> None:
    found = start(metadata(THEIRS), claim="")
    assert (found.origin, found.seek, found.through, found.stream_time) == (Origin.ADOPTED, 400, 499, 7.5)
    assert found.metadata == metadata(THEIRS)
    assert (found.plan.cuts, found.plan.free_from) == (Cuts((520,)), 1000)


def test_our_own_state_counts_where_the_last_commit_bears_our_claim() -> None:
    found = start(metadata(OURS), kept=Kept(620, 530, 9.0))
    assert (found.origin, found.seek, found.through, found.stream_time) == (Origin.OWN, 530, 620, 9.0)
    assert (found.metadata, found.void_local) == (None, False)


@pytest.mark.parametrize(
    ("claim", "kept"),
    [(THEIRS, Kept(620, 530)), ("", Kept(620, 530)), (OURS, None), (OURS, Kept(450, 400)), (OURS, Kept(1000, 900))],
    ids=["taken over", "taken over without state", "disk lost", "disk from a copy", "log shorter than our state"],
)
def test_our_own_state_is_void_where_it_does_not_continue_the_commit(claim: str, kept: Kept | None) -> None:
    found = start(metadata(claim), kept=kept)
    assert (found.origin, found.through, found.void_local) == (Origin.ADOPTED, 499, True)


def test_an_offset_set_by_hand_is_processed_again_on_purpose() -> None:
    found = start("", offset=300, kept=Kept(620, 530))
    assert (found.origin, found.seek, found.through, found.void_local) == (Origin.BY_HAND, 300, 299, True)
    assert found.reason == "the offset 300 was set by hand; records after it are processed again"


def test_a_tool_that_moves_the_offset_and_keeps_the_text_moves_it_by_hand() -> None:
    assert start(metadata(OURS), offset=300, kept=Kept(620, 530)).origin is Origin.BY_HAND


def test_metadata_that_cannot_be_read_are_said_and_records_processed_afresh() -> None:
    found = start("crackle9.xyz")
    assert (found.origin, found.seek) == (Origin.UNREADABLE, 500)
    assert "of version '9'" in found.reason


def test_a_commit_beyond_the_log_or_another_topic_id_is_a_topic_made_anew() -> None:
    beyond = start(metadata(OURS), log=LogRange(0, 499), kept=Kept(620, 530))
    other = start(metadata(OURS, "00000001"), log=LogRange(0, 1000, "00000002"), kept=Kept(620, 530))
    for found in (beyond, other):
        assert (found.origin, found.seek, found.through, found.void_local) == (Origin.MADE_ANEW, None, None, True)
    assert beyond.reason == "500 is committed but the log ends at 499: the topic was made anew"


def test_a_commit_at_the_end_of_the_log_is_as_it_should_be() -> None:
    assert start(metadata(), log=LogRange(0, 500)).origin is Origin.ADOPTED


def test_rows_that_the_log_gave_up_are_counted() -> None:
    context = start(metadata(), log=LogRange(450, 1000))
    assert (context.seek, context.lost, context.short) == (450, 0, 50)
    rows = start(metadata(), log=LogRange(700, 1000))
    assert (rows.seek, rows.lost, rows.short) == (700, 200, 100)
    by_hand = start("", offset=500, log=LogRange(700, 1000))
    assert (by_hand.seek, by_hand.lost) == (700, 200)


def test_no_more_is_refilled_than_the_bound() -> None:
    found = start(metadata(), max_refill=30)
    assert (found.seek, found.short) == (470, 70)


def test_who_takes_over_hands_on_how_far_the_former_owners_had_come() -> None:
    older = Handover("cccccccccccccccc", 100)
    found = start(metadata(THEIRS, handovers=(older, Handover(THEIRS, 200))))
    assert found.handovers == (Handover(THEIRS, 499), older)
    many = tuple(Handover(f"{number:016x}", number) for number in range(4))
    assert len(start(metadata(THEIRS, handovers=many)).handovers) == 4


@pytest.mark.parametrize(
    ("end", "stored", "expected"),
    [
        (499, metadata(OURS), Fate.DELIVER),
        (500, metadata(OURS), Fate.HOLD),
        (300, metadata(THEIRS, handovers=(Handover(OURS, 300),)), Fate.DELIVER),
        (301, metadata(THEIRS, handovers=(Handover(OURS, 300),)), Fate.DROP),
        (301, metadata(THEIRS), Fate.DELIVER),
        (301, None, Fate.DELIVER),
    ],
)
def test_news_in_an_outbox_are_ours_up_to_where_we_had_committed(
    end: int, stored: CommitMetadata | None, expected: Fate
) -> None:
    assert fate(end, OURS, stored) is expected

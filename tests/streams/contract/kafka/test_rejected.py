import pytest

from streams.contract.kafka.rejected import MAX_REASON, RejectedRecord


def test_the_headers_say_where_the_record_was_and_why_it_cannot_be_used() -> None:
    headers = dict(RejectedRecord("topic", 3, 8, "no value").headers())
    assert headers == {"topic": b"topic", "partition": b"3", "offset": b"8", "why": b"no value"}


@pytest.mark.parametrize("why", ["", "x" * 100_000, "two\nlines", "\ud800", "\x00\x1b[31m", "日本" * 10_000])
def test_a_reason_of_foreign_origin_is_one_short_line(why: str) -> None:
    record = RejectedRecord("topic", 0, 0, why)
    line = str(record)
    assert line.isprintable()
    assert len(line) < MAX_REASON + 50
    assert len(dict(record.headers())["why"]) <= 4 * MAX_REASON


@pytest.mark.parametrize(
    ("value", "body"), [(None, b""), (b"", b""), (b"short", b"short"), (bytes(20_000), bytes(5904))]
)
def test_the_body_is_never_missing_and_never_too_long(value: bytes | None, body: bytes) -> None:
    assert RejectedRecord("topic", 0, 0, "why", value).body(10_000) == body

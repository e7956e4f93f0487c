"""Records as any producer can write them to Kafka's topics: of every odd kind."""

import json
import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

ODD_NUMBERS = (0, -1, 1, 0.5, -0.0, 2**31, 2**32, 2**53, 2**63, 2**64, 10**30, -(10**30), 1e15, 1e300, -1e300)
ODD_FIELDS: tuple[object, ...] = (None, "", 7, -1, 1e300, [], {}, [[]])
ODD_KEYS = (None, b"", b"s", b"x", b"\xff\xfe", b"\x00", b"k" * 5000, "schlüssel".encode("utf-16"))
ODD_TIMESTAMPS = (None, -1, 0, 1, 1_700_000_000_000, 2**62)
ODD_HEADERS: tuple[tuple[tuple[str, bytes | None], ...], ...] = (
    (),
    (("why", b"\xff"),),
    (("", b""),),
    (("topic", None), ("topic", b"twice")),
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(ODD_NUMBERS)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class OddRecord:
    """What a producer sends; ``timestamp`` in milliseconds."""

    key: bytes | None
    value: bytes | None
    timestamp: int | None
    headers: tuple[tuple[str, bytes | None], ...]


def packed(header: bytes, body: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """A message with this header, whatever that is."""
    return struct.pack("!BI", version, len(header) if length is None else length) + header + body


def as_message(fields: Mapping[str, object]) -> bytes:
    """A message with these fields."""
    return packed(json.dumps(fields).encode())


def odd_values(fields: Mapping[str, object]) -> list[bytes | None]:
    """Values that are almost a message with these ``fields``."""
    good = json.dumps(fields).encode()
    headers = [
        b"",
        b"[]",
        b"null",
        b"NaN",
        b'{"seq":NaN}',
        b'{"seq":1e999}',
        b'{"session":"\\ud800"}',
        b'{"session":"\xff"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        good[:-1],
        good + b"{}",
        *(json.dumps({**fields, name: odd}).encode() for name in fields for odd in ODD_FIELDS),
        *(json.dumps({key: value for key, value in fields.items() if key != name}).encode() for name in fields),
    ]
    return [
        None,
        b"",
        b"\x00",
        b"not ours",
        b"\xff" * 1000,
        bytes(200_000),
        packed(good, version=2),
        packed(good, length=2**32 - 1),
        packed(good, length=0),
        packed(good, length=len(good) - 1),
        *(packed(header, b"\xff\xd8") for header in headers),
    ]


@st.composite
def odd_fields(draw: st.DrawFn, fields: Mapping[str, object]) -> dict[str, object]:
    """``fields``, some of which have odd values, are missing, or are too many."""
    changed = dict(fields)
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=3)):
        changed[name] = draw(json_values)
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=1)):
        changed.pop(name, None)
    return changed | draw(st.dictionaries(st.text(max_size=8), json_values, max_size=2))


def odd_records(fields: Mapping[str, object]) -> st.SearchStrategy[OddRecord]:
    """Records whose values are messages with these ``fields``, odd ones, or no messages."""
    values = st.one_of(
        st.sampled_from(odd_values(fields)),
        st.binary(max_size=40),
        odd_fields(fields).map(as_message),
    )
    return st.builds(
        OddRecord,
        st.sampled_from(ODD_KEYS) | st.binary(max_size=6),
        values,
        st.sampled_from(ODD_TIMESTAMPS),
        st.sampled_from(ODD_HEADERS),
    )


def mutated(value: bytes, chance: random.Random) -> bytes:
    """A value with some bytes changed, removed or added."""
    changed = bytearray(value)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[place : place + 1] = chance.randbytes(1)
            case 1:
                del changed[place:]
            case 2:
                del changed[place : place + chance.randint(1, 50)]
            case _:
                changed[place:place] = chance.randbytes(chance.randint(1, 50))
    return bytes(changed)


def random_odd_records(
    fields: Mapping[str, object], body: bytes, count: int, chance: random.Random
) -> Iterator[OddRecord]:
    """``count`` records: odd values, changed messages with these ``fields`` and this ``body``, and random bytes."""
    good = packed(json.dumps(fields).encode(), body)
    odd = odd_values(fields)
    for place in range(count):
        kind = place % 3
        value = (
            odd[place // 3 % len(odd)]
            if kind == 0
            else mutated(good, chance)
            if kind == 1
            else chance.randbytes(chance.randrange(200))
        )
        key = chance.choice(ODD_KEYS) if chance.random() < 0.7 else chance.randbytes(5)
        yield OddRecord(key, value, chance.choice(ODD_TIMESTAMPS), chance.choice(ODD_HEADERS))

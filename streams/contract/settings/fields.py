"""The types that settings have beside Python's own: how each is read from text, and which values it takes."""

import json
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from streams.contract.addresses import HIGHEST_PORT, Origin, checked_broker, checked_host

_POOL = re.compile(r"[A-Za-z0-9._-]{0,64}")

TOKEN_LENGTH = 16  # characters, of the operator's token


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):  # perhaps an IPv6 address
        try:
            return tuple(json.loads(value))
        except ValueError:
            pass
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _not_empty(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("must name at least one")
    return values


def _as_it_is(value: object) -> str:
    """For names of files, which need not be the valid Unicode that pydantic's own ``str`` must be."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def user_path(value: object) -> Path:
    """The folder that a setting names; ``~`` is the user's own folder.

    Raises:
        ValueError: there is no such name.
    """
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("must name a folder")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("must name a folder: there is no such user") from None


def _user_file(value: object) -> str:
    name = _as_it_is(value)
    try:
        return str(Path(name).expanduser()) if name else ""
    except RuntimeError:
        raise ValueError("must name a file: there is no such user") from None


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    for each in values:
        try:
            Origin.parse(each)
        except ValueError:
            raise ValueError(
                f"is wrong in {each!r}: an origin is written https://example.org, or with a port"
            ) from None
    return values


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for each in values:
        try:
            ip_network(each, strict=False)
        except ValueError:
            raise ValueError(f"is wrong in {each!r}: name an IP address, or a network such as 10.0.0.0/8") from None
    return values


def _long_enough(token: str) -> str:
    if 0 < len(token) < TOKEN_LENGTH:
        raise ValueError(f"must have {TOKEN_LENGTH} characters or more")
    return token


def is_pool(name: str) -> bool:
    """Whether a pool of workers may have this name, which is part of the name of a topic."""
    return bool(_POOL.fullmatch(name))


def _checked_pool(name: str) -> str:
    if not is_pool(name):
        raise ValueError("must be up to 64 letters a-z, digits, dots, dashes and underscores, or empty")
    return name


FileName = Annotated[str, PlainValidator(_as_it_is)]
UserFile = Annotated[str, PlainValidator(_user_file)]
CommaSeparated = Annotated[tuple[FileName, ...], BeforeValidator(_split)]
Brokers = Annotated[
    tuple[Annotated[str, AfterValidator(checked_broker)], ...], BeforeValidator(_split), AfterValidator(_not_empty)
]
Host = Annotated[str, AfterValidator(checked_host)]
Port = Annotated[int, Field(ge=0, le=HIGHEST_PORT)]
AtLeastOne = Annotated[CommaSeparated, AfterValidator(_not_empty)]
Origins = Annotated[CommaSeparated, AfterValidator(_origins)]
Networks = Annotated[CommaSeparated, AfterValidator(_networks)]
UserPath = Annotated[Path, PlainValidator(user_path)]
Pool = Annotated[str, AfterValidator(_checked_pool)]
Token = Annotated[str, AfterValidator(_long_enough)]

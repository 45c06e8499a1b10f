"""The types of values in an organization file, each with one way to be read and written."""

import re
from datetime import timedelta
from math import prod
from typing import Annotated, Final
from unicodedata import category
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

ONE_MILLISECOND: Final = timedelta(milliseconds=1)
LONGEST: Final = timedelta(days=366)
MOST_PHRASES_IN_ONE: Final = 100
DURATION_FORM: Final = "a duration: a number of seconds (300) or text such as 800ms, 90s, 5m, 24h, 7d"

_UNITS: Final = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", ONE_MILLISECOND),
)
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_PART.pattern}\s*)+")


class Fields(BaseModel):
    """A part of the organization file: immutable, strict in its types, without unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", validate_default=False)


def parse_duration(value: object) -> timedelta:
    """Return a duration from a number of seconds, or from text such as `800ms`, `90s`, `5m`, `24h`, `1h 30m`.

    It must be positive, and at most 366 days. Raise PydanticCustomError, a ValueError that pydantic can
    locate.
    """
    if isinstance(value, timedelta):
        duration = value
    elif isinstance(value, bool) or not isinstance(value, int | float | str):
        raise PydanticCustomError("duration", DURATION_FORM)
    elif isinstance(value, str):
        if not _DURATION.fullmatch(value.strip()):
            raise PydanticCustomError("duration", DURATION_FORM)
        units = dict(_UNITS)
        try:
            duration = sum((float(n) * units[unit] for n, unit in _PART.findall(value)), timedelta())
        except OverflowError:
            duration = timedelta.max
    elif -1e8 < value < 1e8:
        duration = timedelta(seconds=value)
    else:
        raise PydanticCustomError("duration.range", "a duration longer than nothing, at most 366 days")
    if not timedelta() < duration <= LONGEST:
        raise PydanticCustomError("duration.range", "a duration longer than nothing, at most 366 days")
    if duration % ONE_MILLISECOND:
        raise PydanticCustomError("duration.precision", "a duration of whole milliseconds")
    return duration


def write_duration(duration: timedelta) -> str:
    """Return the shortest text that `parse_duration` reads back, in one unit: `90s`, not `1m 30s`."""
    for name, unit in _UNITS:
        if not duration % unit:
            return f"{duration // unit}{name}"
    raise ValueError(f"{duration!r} is not a whole number of milliseconds")


def _parse_fraction(value: object) -> float:
    expected = "a share: a number from 0 to 1 (0.75) or a percentage (75%)"
    if isinstance(value, str) and re.fullmatch(r"\d{1,3}(\.\d{1,4})?\s*%", value.strip()):
        fraction = float(value.strip().rstrip("%")) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        fraction = float(value)
    else:
        raise PydanticCustomError("fraction", expected)
    if not 0 <= fraction <= 1:
        raise PydanticCustomError("fraction", expected)
    return fraction


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an unknown zone; an invalid path; a folder of zones
        expected = "a time zone of the IANA list, such as Europe/Berlin"
        raise PydanticCustomError("time_zone", expected) from None
    return name


def _few_phrases(phrase: str) -> str:
    choices = [word.split("|") for word in phrase.split()]
    if not all(map(all, choices)):
        raise PydanticCustomError("phrase", "a word on both sides of a bar, as in charged|billed twice")
    if prod(map(len, choices)) > MOST_PHRASES_IN_ONE:
        expected = "a phrase that stands for at most {most}"
        raise PydanticCustomError("phrase", expected, {"most": MOST_PHRASES_IN_ONE})
    return phrase


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        problem = str(error)
        raise PydanticCustomError(
            "pattern", "a regular expression ({problem})", {"problem": problem}
        ) from None
    return pattern


def _is_emoji(value: str) -> str:
    kinds = {category(sign) for sign in value}
    if "So" not in kinds or kinds - {"So", "Sk", "Mn", "Cf"}:  # a symbol, with skin tone and joiners
        raise PydanticCustomError("emoji", "an emoji, such as 👍")
    return value


def _number_as_text(value: object) -> object:
    """Return a whole number as text. YAML reads chat ids as numbers; we use them as names."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""An id within the file: lower-case letters, digits, `-` and `_`."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
"""Text on one line, not empty."""

Phrase = Annotated[Line, AfterValidator(_few_phrases)]
"""Words that a customer may write. Bars give alternatives for a word: `charged|billed twice`."""

Prose = Annotated[str, StringConstraints(max_length=4000)]
"""Text of any form, possibly empty."""

ExternalId = Annotated[str, BeforeValidator(_number_as_text), StringConstraints(min_length=1, max_length=128)]
"""The platform's id of a person or a chat."""

Tag = Annotated[str, BeforeValidator(_number_as_text), StringConstraints(min_length=1, max_length=60)]
"""A word to find an article by. A number in the file, such as an error code, is read as a word."""

Duration = Annotated[timedelta, PlainValidator(parse_duration), PlainSerializer(write_duration)]
Fraction = Annotated[float, PlainValidator(_parse_fraction)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_compiles)]
Emoji = Annotated[str, StringConstraints(min_length=1, max_length=16), AfterValidator(_is_emoji)]
Rate = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]

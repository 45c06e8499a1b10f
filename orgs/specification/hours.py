"""Define opening hours as the file states them. `orgs.opening` answers questions about them."""

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from orgs.specification.fields import Fields, Line, TimeZone

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|to)\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Span:
    """Opening hours from `start` until just before `end`, in minutes since local midnight (1440: end
    of day).
    """

    start: int
    end: int

    def __str__(self) -> str:
        return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (self.start, self.end))


def _parse_span(text: object) -> Span:
    if isinstance(text, Span):
        return text
    match = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise PydanticCustomError("hours.form", "times such as 09:00-17:30, a list of them, or closed")
    hour, minute, end_hour, end_minute = map(int, match.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or start >= 1440 or end > 1440:
        raise PydanticCustomError("hours.form", "times of a day, from 00:00 to 24:00")
    if end <= start:
        raise PydanticCustomError(
            "hours.backwards", "hours that end after they begin (write a night shift on both of its days)"
        )
    return Span(start, end)


def _parse_day(value: object) -> tuple[Span, ...]:
    if value == "closed":
        return ()
    found = [_parse_span(item) for item in (value if isinstance(value, list | tuple) else [value])]
    spans = sorted(found, key=lambda span: span.start)
    if any(later.start < earlier.end for earlier, later in pairwise(spans)):
        raise PydanticCustomError("hours.overlap", "hours of one day that do not overlap")
    return tuple(spans)


def _write_day(spans: tuple[Span, ...]) -> list[str]:
    return [str(span) for span in spans]


def _holiday_from_date(value: object) -> object:
    return {"date": value} if isinstance(value, str) else value


def _parse_date(value: object) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("date", "a date of the calendar, as in 2026-12-25")


CalendarDate = Annotated[date, PlainValidator(_parse_date), PlainSerializer(date.isoformat)]
Day = Annotated[tuple[Span, ...], PlainValidator(_parse_day), PlainSerializer(_write_day)]


class Holiday(Fields):
    """A day on which nobody is there, whatever the weekday. The file may give just its date."""

    date: CalendarDate
    name: Line = "Holiday"


class Hours(Fields):
    """Opening hours by weekday, on the wall clock of `time_zone`. A day that is not named is closed.

    Without a `time_zone`, the organization's counts. `always` is for a team that never closes, and excludes
    all else.
    """

    always: bool = False
    time_zone: TimeZone | None = None
    monday: Day = ()
    tuesday: Day = ()
    wednesday: Day = ()
    thursday: Day = ()
    friday: Day = ()
    saturday: Day = ()
    sunday: Day = ()
    holidays: tuple[Annotated[Holiday, BeforeValidator(_holiday_from_date)], ...] = ()

    @property
    def week(self) -> tuple[tuple[Span, ...], ...]:
        """Return the hours of the week, Monday first, as `date.weekday()` counts."""
        return (
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        )

    @model_validator(mode="after")
    def _says_when(self) -> "Hours":
        if self.always and (any(self.week) or self.holidays):
            raise PydanticCustomError("hours.always", "either always, or weekdays and holidays")
        if not self.always and not any(self.week):
            raise PydanticCustomError("hours.never", "at least one day with hours, or always: true")
        return self

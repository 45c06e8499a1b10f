"""Write moments and durations in a language."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.units import format_unit

from orgs.specification.texts import Texts, fill


def moment(when: datetime, now: datetime, zone: ZoneInfo, language: str, texts: Texts) -> str:
    """Return a moment as people say it at `now`, by the clock of `zone`, with the zone's name."""
    local, today = when.astimezone(zone), now.astimezone(zone)
    clock = f"{local:%H:%M} ({local.tzname()})"
    if local.date() == today.date():
        return fill(texts.opens_today, time=clock)
    if local.date() - today.date() == timedelta(days=1):
        return fill(texts.opens_tomorrow, time=clock)
    locale = _locale(language)
    weekday = format_date(local, "EEEE", locale=locale)
    date = format_skeleton("MMMMd", local, locale=locale)
    return fill(texts.opens_later, weekday=weekday, date=date, time=clock)


def day(when: datetime, zone: ZoneInfo, language: str) -> str:
    """Return the day of a moment in `zone`, with its year."""
    return format_date(when.astimezone(zone), "long", locale=_locale(language))


def duration(wait: timedelta, language: str) -> str:
    """Return a duration in hours if they are whole, else in minutes: "15 minutes"."""
    hours, rest = divmod(wait, timedelta(hours=1))
    if hours and not rest:
        return format_unit(hours, "duration-hour", locale=_locale(language))
    return format_unit(wait // timedelta(minutes=1), "duration-minute", locale=_locale(language))


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")

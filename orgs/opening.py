"""Tell whether a team is open, and when it opens: hours on the wall clock, turned into moments.

A team is open from the moment its wall clock first reaches the start of its hours until it first reaches
their end. If the start falls into the hour that is skipped in spring, the team opens when the clock jumps.
When the clock goes back in autumn, the team does not close and open a second time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from orgs.routing import find_team
from orgs.specification.hours import Hours
from orgs.specification.organization import Organization

HORIZON: Final = 400  # days to look ahead: a year of holidays and a little more


def hours_of(org: Organization, team_id: str) -> Hours | None:
    """Return the team's hours, else the organization's, or None if they are always open."""
    team = find_team(org, team_id)
    hours = team.hours if team and team.hours else org.hours
    return None if hours is None or hours.always else hours


def zone_of(org: Organization, team_id: str) -> ZoneInfo:
    """Return the time zone in which times are given for this team."""
    hours = hours_of(org, team_id)
    return ZoneInfo((hours.time_zone if hours else None) or org.time_zone)


def is_open(org: Organization, team_id: str, now: datetime) -> bool:
    """Return whether the team is open at `now`, which must be timezone-aware."""
    return opens_at(org, team_id, now) == now


def opens_at(org: Organization, team_id: str, now: datetime) -> datetime | None:
    """Return `now` if the team is open, else the next moment it opens, in UTC.

    Return None if it does not open within HORIZON days.
    """
    if now.utcoffset() is None:
        raise ValueError(f"now must be timezone-aware, got {now!r}")
    hours = hours_of(org, team_id)
    if hours is None:
        return now
    zone = zone_of(org, team_id)
    today = now.astimezone(zone).date()
    for offset in range(-1, HORIZON + 1):  # yesterday's hours may end today if a date was skipped
        for begin, end in _intervals(hours, zone, today + timedelta(days=offset)):
            if now < end:
                return max(begin, now)
    return None


def _intervals(hours: Hours, zone: ZoneInfo, day: date) -> Iterator[tuple[datetime, datetime]]:
    if any(holiday.date == day for holiday in hours.holidays):
        return
    for span in hours.week[day.weekday()]:
        begin, end = _reached(zone, day, span.start), _reached(zone, day, span.end)
        if begin < end:  # false if the hours lie completely in an hour that is skipped
            yield begin, end


def _reached(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """Return the first moment, in UTC, at which the wall clock of `day` shows this many minutes or more."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # The wall clock never shows this time. The jump lies between the moments that the two offsets give.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = moment
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late

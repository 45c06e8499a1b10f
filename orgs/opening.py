"""Is anybody in, and when are they back: hours on the wall clock, turned into moments.

A team is in from the moment its wall clock first reaches the beginning of its hours until it first reaches
their end. So hours that fall into the hour which a spring night leaves out begin when that night jumps, and a
clock that goes back in autumn does not close and open the door a second time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from orgs.routing import find_team
from orgs.specification.hours import Hours
from orgs.specification.organization import Organization

HORIZON: Final = 400  # days looked ahead: a year of holidays and a little more


def hours_of(org: Organization, team_id: str) -> Hours | None:
    """The team's hours, else the organization's; None: always open."""
    team = find_team(org, team_id)
    hours = team.hours if team and team.hours else org.hours
    return None if hours is None or hours.always else hours


def zone_of(org: Organization, team_id: str) -> ZoneInfo:
    """The zone in which times are told for this team."""
    hours = hours_of(org, team_id)
    return ZoneInfo((hours.time_zone if hours else None) or org.time_zone)


def is_open(org: Organization, team_id: str, now: datetime) -> bool:
    """Whether the team is in at the moment `now`, which must be aware."""
    return opens_at(org, team_id, now) == now


def opens_at(org: Organization, team_id: str, now: datetime) -> datetime | None:
    """`now` itself when the team is in, else the next moment it is, in UTC; None: not within HORIZON days."""
    if now.utcoffset() is None:
        raise ValueError(f"now must be timezone-aware, got {now!r}")
    hours = hours_of(org, team_id)
    if hours is None:
        return now
    zone = zone_of(org, team_id)
    today = now.astimezone(zone).date()
    for offset in range(-1, HORIZON + 1):  # yesterday, because it may end late where a date was skipped
        for begin, end in _intervals(hours, zone, today + timedelta(days=offset)):
            if now < end:
                return max(begin, now)
    return None


def _intervals(hours: Hours, zone: ZoneInfo, day: date) -> Iterator[tuple[datetime, datetime]]:
    if any(holiday.date == day for holiday in hours.holidays):
        return
    for span in hours.week[day.weekday()]:
        begin, end = _reached(zone, day, span.start), _reached(zone, day, span.end)
        if begin < end:  # not when the hours lie wholly in an hour that was left out
            yield begin, end


def _reached(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The first moment, in UTC, at which the wall clock of `day` shows this many minutes or more."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # The wall clock never shows it: the moment of the jump lies between the readings by the two offsets.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = moment
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late

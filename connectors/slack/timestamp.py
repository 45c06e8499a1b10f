"""Read the timestamps of Slack, which are the ids of its messages."""

from datetime import UTC, datetime

_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def moment(ts: str) -> datetime | None:
    """Return a Slack timestamp, such as `1700000000.000100`, as a moment in UTC; None if it is none."""
    whole, _, rest = ts.partition(".")
    if not (whole.isascii() and whole.isdigit()) or not (rest.isascii() and (rest.isdigit() or not rest)):
        return None
    seconds = int(whole[:12])
    if len(whole) > 12 or seconds > _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=int((rest + "000000")[:6]))

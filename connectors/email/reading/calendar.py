"""Put an invitation (text/calendar, RFC 5545) into words, for a mail that has no text."""

import re

_LINE = re.compile(r"^([A-Z-]{1,40})((?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(.*)$")
_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})\d{2}(Z?))?$")
_ZONE = re.compile(r"TZID=\"?([^\";:]{1,60})")
_ANSWER = re.compile(r"PARTSTAT=(ACCEPTED|DECLINED|TENTATIVE)")
_MAX_LINES = 5_000
_MAX_VALUE = 5_000


def in_words(text: str) -> str:
    """Return title, time, place and description of the first event, or "" if there is none."""
    unfolded = re.sub(r"\r?\n[ \t]", "", text[:500_000])
    method, within = "", False
    facts: dict[str, tuple[str, str]] = {}
    for line in unfolded.split("\n")[:_MAX_LINES]:
        found = _LINE.match(line.strip("\r")[: _MAX_VALUE * 2])
        if found is None:
            continue
        name, parameters, value = found.groups()
        if name == "METHOD":
            method = value.strip().upper()
        elif (name, value.strip()) == ("BEGIN", "VEVENT"):
            within = True
        elif (name, value.strip()) == ("END", "VEVENT"):
            break
        elif within:
            facts.setdefault(name, (parameters, _unescaped(value[:_MAX_VALUE])))
    if not within:
        return ""
    rows = (
        (_heading(method, facts.get("ATTENDEE", ("", ""))[0]), facts.get("SUMMARY", ("", ""))[1]),
        ("When", _when(facts)),
        ("Where", facts.get("LOCATION", ("", ""))[1]),
    )
    head = "\n".join(f"{name}: {value}" for name, value in rows if value)
    return "\n\n".join(filter(None, (head, facts.get("DESCRIPTION", ("", ""))[1])))


def _heading(method: str, attendee: str) -> str:
    if method == "CANCEL":
        return "Cancelled"
    if method in ("REPLY", "COUNTER"):
        answer = _ANSWER.search(attendee)
        return answer[1].capitalize() if answer else "Answer to an invitation"
    return "Invitation"


def _when(facts: dict[str, tuple[str, str]]) -> str:
    parameters, begins = facts.get("DTSTART", ("", ""))
    shown = _time(begins)
    if not shown:
        return ""
    ends = _time(facts.get("DTEND", ("", ""))[1])
    ends = ends.removeprefix(f"{shown[:10]} ")  # the same day
    zone = _ZONE.search(parameters)
    name = zone[1] if zone else "UTC" if begins.endswith("Z") else ""
    return " ".join(filter(None, (shown, f"- {ends}" if ends and ends != shown else "", name)))


def _time(value: str) -> str:
    found = _TIME.match(value)
    if found is None:
        return ""
    day = f"{found[1]}-{found[2]}-{found[3]}"
    return f"{day} {found[4]}:{found[5]}" if found[4] else day


def _unescaped(value: str) -> str:
    return re.sub(r"\\([nN,;\\])", lambda found: "\n" if found[1] in "nN" else found[1], value).strip()

"""Properties that hold for every organization, every moment and every file, however strange."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgs.changes import ChangeKind, diff, render_changes
from orgs.defaults import complete
from orgs.documents import from_document, to_document
from orgs.loading import lint, load
from orgs.opening import is_open, opens_at
from orgs.problems import Problem
from orgs.routing import escalation_target, find_team, first_agent, ladder_for, room_for
from orgs.specification.fields import LONGEST, parse_duration, write_duration
from orgs.specification.hours import WEEKDAYS
from orgs.specification.organization import Organization
from tests.lengths import times

SAMPLES = Path(__file__).parents[2] / "orgs" / "samples"
SAMPLE = (SAMPLES / "saas-support" / "organization.yaml").read_bytes()
MINIMAL = (SAMPLES / "minimal" / "organization.yaml").read_bytes()
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
)

names = st.sampled_from(["a", "b", "c", "d", "security", "billing"])
durations = st.sampled_from([1, 0.5, "800ms", "5m", "24h", "1h 30m", "7d"])
lines = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"]), min_size=1, max_size=20
)


@st.composite
def days(draw: st.DrawFn) -> list[str]:
    marks = sorted(draw(st.sets(st.integers(0, 96), min_size=2, max_size=4)))
    pairs = list(zip(marks[::2], marks[1::2], strict=False))
    return ["-".join(f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in pair) for pair in pairs]


hours = st.fixed_dictionaries(
    {"monday": days()},
    optional={
        **{day: days() for day in WEEKDAYS[1:]},
        "time_zone": st.sampled_from(ZONES),
        "holidays": st.lists(st.dates(date(2026, 1, 1), date(2027, 1, 1)).map(date.isoformat), max_size=3),
    },
)
rules = st.lists(
    st.fixed_dictionaries(
        {"trigger": names, "target": names},
        optional={"timeout": durations, "immediate": st.booleans()},
    ),
    max_size=3,
)
channels = st.sampled_from(["#x", {"slack": "#y"}, ["#x", {"slack": "#z"}], []])
documents = st.fixed_dictionaries(
    {
        "organization": lines,
        "agents": st.lists(
            st.fixed_dictionaries(
                {"id": names},
                optional={
                    "role": st.sampled_from(["primary", "specialist"]),
                    "channels": channels,
                    "escalation_rules": rules,
                    "success_metrics": st.just({"first_contact_resolution": "75%", "response_time": "2m"}),
                },
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={
        "time_zone": st.sampled_from(ZONES),
        "hours": hours,
        "teams": st.lists(
            st.fixed_dictionaries(
                {"id": names, "name": lines},
                optional={
                    "channels": st.fixed_dictionaries({"escalation": channels}),
                    "hours": hours,
                    "ladder": names,
                    "people": st.lists(names, max_size=2),
                    "agents": st.lists(names, max_size=2),
                },
            ),
            max_size=3,
        ),
        "people": st.lists(st.fixed_dictionaries({"id": names, "name": lines}), max_size=2),
        "ladders": st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.sampled_from(["default", "a", "b"]),
                    "steps": st.lists(
                        st.fixed_dictionaries({"target": names, "after": durations}), min_size=1, max_size=3
                    ),
                }
            ),
            max_size=2,
        ),
        "escalation_rules": rules,
        "quiet_window": st.sampled_from(["1ms", "800ms", 1.5]),
        "identity": st.fixed_dictionaries({}, optional={"display_name": lines, "voice": lines}),
    },
)
organizations = documents.map(json.dumps).map(Organization.model_validate_json)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(organizations)
@settings(deadline=None, max_examples=times(80))
def test_a_stored_organization_comes_back_as_it_was(org: Organization) -> None:
    for original in (org, complete(org)):
        text = json.dumps(to_document(original))
        assert from_document(json.loads(text)) == original
    assert complete(complete(org)) == complete(org)


@given(st.integers(1, LONGEST // timedelta(milliseconds=1)).map(lambda ms: timedelta(milliseconds=ms)))
def test_a_duration_is_read_as_it_was_written(duration: timedelta) -> None:
    assert parse_duration(write_duration(duration)) == duration


def test_a_duration_beyond_all_bounds_is_refused_like_any_other() -> None:
    for text in ("999999999999d", "999999999d 999999999d", "0s", "0.1ms"):
        with pytest.raises(ValueError, match="duration"):
            parse_duration(text)


@given(organizations, names, names, names)
@settings(deadline=None, max_examples=times(80))
def test_every_escalation_goes_to_a_team_that_exists(
    org: Organization, agent: str, trigger: str, team: str
) -> None:
    org = complete(org)
    target = escalation_target(org, agent, trigger)
    assert find_team(org, target.team_id)
    assert target.timeout > timedelta()
    assert all(room_for(org, target.team_id))
    steps = ladder_for(org, team)
    assert len({(step.team_id, step.person_id) for step in steps}) == len(steps) >= 1
    assert steps[0].after == timedelta()
    assert all(find_team(org, step.team_id) for step in steps)
    assert any(known.id == first_agent(org, "telegram", "1") for known in org.agents)


@given(organizations, names, moments)
@settings(deadline=None, max_examples=times(120))
def test_a_team_opens_when_it_is_said_to_and_not_before(org: Organization, team: str, now: datetime) -> None:
    org = complete(org)
    opens = opens_at(org, team, now)
    if opens is None:
        return
    assert opens >= now
    assert is_open(org, team, opens)
    assert is_open(org, team, now) is (opens == now)
    if opens > now:
        assert not is_open(org, team, opens - timedelta(seconds=1)) or opens - timedelta(seconds=1) < now
        for part in range(1, 20):
            assert not is_open(org, team, now + (opens - now) * part / 20)


def _berlin(**week: object) -> Organization:
    document = {"organization": "x", "time_zone": "Europe/Berlin", "agents": [{"id": "a"}], "hours": week}
    return complete(Organization.model_validate_json(json.dumps(document)))


def test_hours_begin_at_the_jump_of_a_spring_night_that_leaves_their_beginning_out() -> None:
    org = _berlin(sunday="02:30-05:00")  # on 2026-03-29 the clock jumps from 02:00 to 03:00, at 01:00 UTC
    night = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert opens_at(org, "escalation-team", night) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert is_open(org, "escalation-team", datetime(2026, 3, 29, 2, 59, tzinfo=UTC))
    assert not is_open(org, "escalation-team", datetime(2026, 3, 29, 3, tzinfo=UTC))


def test_hours_that_lie_wholly_in_the_hour_left_out_do_not_happen() -> None:
    org = _berlin(sunday="02:10-02:50")
    night = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert opens_at(org, "escalation-team", night) == datetime(2026, 4, 5, 0, 10, tzinfo=UTC)


def test_a_clock_that_goes_back_does_not_open_the_door_twice() -> None:
    org = _berlin(sunday="01:30-02:30")  # on 2026-10-25 the clock goes from 03:00 back to 02:00, at 01:00 UTC
    opens = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    minutes = [opens + timedelta(minutes=minute) for minute in range(-60, 240)]
    states = [is_open(org, "escalation-team", minute) for minute in minutes]
    assert sum(a != b for a, b in pairwise(states)) == 2
    assert states.count(True) == 60


@given(organizations, organizations)
@settings(deadline=None, max_examples=times(60))
def test_a_difference_is_empty_only_between_equals(old: Organization, new: Organization) -> None:
    assert diff(old, old) == []
    assert bool(diff(old, new)) is (old != new)
    assert len(render_changes(diff(old, new)).splitlines()) >= len(diff(old, new))
    assert all(change.kind is ChangeKind.ADDED for change in diff(None, new))


def test_a_difference_names_items_by_their_id_in_the_order_of_the_file() -> None:
    old = load(SAMPLES / "saas-support").organization
    document = to_document(old)
    text = json.dumps(document).replace('"name": "Customer Success"', '"name": "Success"')
    text = text.replace('"timeout": "5m", "immediate": false}]', '"timeout": "9m", "immediate": false}]', 1)
    new = from_document(json.loads(text))
    new = new.model_copy(update={"people": new.people[:-1], "reopen_window": timedelta(hours=36)})
    assert render_changes(diff(old, new)).splitlines() == [
        '- people[hugo] "Hugo Martin"',
        '~ teams[customer-success].name "Customer Success" → "Success"',
        '~ reopen_window "1d" → "36h"',
    ]


@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
    )
)
@settings(deadline=None, max_examples=times(150))
def test_lint_never_raises_on_any_bytes(data: bytes) -> None:
    _linted(data)


@given(st.sampled_from([SAMPLE[:6000], MINIMAL]), st.data())
@settings(deadline=None, max_examples=times(40))
def test_lint_never_raises_on_a_sample_with_something_changed(sample: bytes, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(sample)))
        gone = data.draw(st.integers(0, 20))
        put = data.draw(
            st.one_of(st.binary(max_size=5), st.sampled_from([b"\t", b"[", b"&a ", b"*a", b": ", b"null"]))
        )
        sample = sample[:at] + put + sample[at + gone :]
    _linted(sample)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | names,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | names, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(documents, st.sampled_from(list(Organization.model_fields)), json_values)
@settings(deadline=None, max_examples=times(120))
def test_lint_never_raises_on_a_field_of_any_shape(
    document: dict[str, object], key: str, value: object
) -> None:
    key = "organization" if key == "name" else key
    _linted(json.dumps(document | {key: value}).encode())


def _linted(data: bytes) -> list[Problem]:
    with TemporaryDirectory() as folder:  # not tmp_path, which hypothesis would share between examples
        path = Path(folder) / "organization.yaml"
        path.write_bytes(data)
        problems = lint(path)
    assert all(problem.line >= 1 and problem.column >= 1 and "\n" not in str(problem) for problem in problems)
    return problems

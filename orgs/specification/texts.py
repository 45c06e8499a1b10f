"""The fixed texts that the organization sends by itself, with places for names and times."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from orgs.specification.fields import Fields

_PLACE = re.compile(r"\{([^{}]*)\}")
_TO_FILL = re.compile(r"( ?)\{([^{}]*)\}")


def _refuse_other_places(text: str, names: frozenset[str]) -> str:
    for name in _PLACE.findall(text):
        if name not in names:
            known = ", ".join(f"{{{place}}}" for place in sorted(names))
            raise PydanticCustomError("text.place", "only the places {known}", {"known": known or "(none)"})
    return text


def only_places(*names: str) -> AfterValidator:
    """Return a validator that refuses texts with other places than these."""
    return AfterValidator(lambda text: _refuse_other_places(text, frozenset(names)))


Text = Annotated[str, StringConstraints(max_length=1000)]

_TEAM: Final = frozenset({"organization", "team", "person"})
_PLACES: Final[Mapping[str, frozenset[str]]] = {
    "handoff": _TEAM,
    "out_of_hours": _TEAM | {"opens"},
    "not_taken_in_time": _TEAM,
    "team_is_back": _TEAM | {"opens"},
    "answer_expected": frozenset({"wait"}),
    "returned": _TEAM,
    "resolved": _TEAM,
    "apology": _TEAM,
    "opens_today": frozenset({"time"}),
    "opens_tomorrow": frozenset({"time"}),
    "opens_later": frozenset({"weekday", "date", "time"}),
    "correction": frozenset({"text"}),
    "story_subject": frozenset({"organization"}),
    "code_subject": frozenset({"organization"}),
    "code": frozenset({"organization", "code", "minutes"}),
    "code_sent": frozenset({"address"}),
    "address_proved": frozenset({"address"}),
    "story_so_far": frozenset({"organization", "story"}),
    "case_number": frozenset({"number"}),
    "case_open": frozenset({"number", "date"}),
    "case_with_people": frozenset({"number", "date"}),
    "case_closed": frozenset({"number", "date"}),
    "case_copy": frozenset({"number"}),
    "case_copy_heading": frozenset({"organization", "number", "date"}),
    "article_source": frozenset({"article"}),
    "hello": frozenset({"organization", "agent"}),
    "automated": frozenset({"organization", "agent"}),
}
_ALWAYS: Final = frozenset({"organization"})


class Texts(Fields):
    """The fixed texts to customers in one language. `orgs.translations` supplies those that are empty.

    A file that sets `disclosure` must name the organization in it: see `orgs.checking`.

    Places such as {organization}, {team} and {person} are filled; each text has its own.
    """

    # The conversation
    disclosure: Text = ""  # says that an AI writes, and how to reach a person
    greeting: Text = ""
    unreadable: Text = ""
    received_subject: Text = ""  # of the mail that confirms a mail from an unverified sender
    received: Text = ""
    correction: Text = ""  # corrects a message to {text} on channels that cannot change it
    disregard: Text = ""  # revokes a message on channels that cannot delete it

    # People
    handoff: Text = ""
    answer_expected: Text = ""  # follows `handoff`; {wait} is "15 minutes"
    out_of_hours: Text = ""  # {opens}: when the team is back, in one of the next three texts
    opens_today: Text = ""
    opens_tomorrow: Text = ""
    opens_later: Text = ""
    not_taken_in_time: Text = ""  # nobody took it in time; `answer_expected` follows, or the next text
    team_is_back: Text = ""
    returned: Text = ""
    resolved: Text = ""
    apology: Text = ""

    asks_number: Text = ""  # asks for a hidden phone number, if the channel has a button to share it

    # Continuing on another channel
    goes_on_here: Text = ""
    story_subject: Text = ""
    code_subject: Text = ""
    code: Text = ""
    code_sent: Text = ""
    code_wrong: Text = ""
    code_wrong_too_often: Text = ""
    code_too_old: Text = ""
    codes_too_many: Text = ""
    address_proved: Text = ""
    story_so_far: Text = ""

    # The number of the conversation
    case_number: Text = ""
    case_open: Text = ""  # {date}: when it began, also in the next text
    case_with_people: Text = ""
    case_closed: Text = ""  # {date}: when it was closed
    case_unknown: Text = ""  # to everybody but its customer, whether the number exists or not
    case_in_private: Text = ""  # asked where other people can read it
    case_copy: Text = ""  # a file follows
    case_copy_heading: Text = ""  # the first line of that file
    case_copied_before: Text = ""

    # Answers from the articles
    steps_follow: Text = ""
    text_follows: Text = ""
    article_source: Text = ""
    which_article: Text = ""
    not_sure: Text = ""
    nothing_found: Text = ""
    did_not_help: Text = ""
    or_one_of_these: Text = ""
    none_of_these: Text = ""

    # Courtesies
    hello: Text = ""
    thanks: Text = ""
    bye: Text = ""
    ok: Text = ""
    help: Text = ""
    empty: Text = ""
    got_picture: Text = ""  # came without text, as in the next four: asks what it is about
    got_voice: Text = ""
    got_file: Text = ""  # a document, a video, a recording
    got_something: Text = ""  # a location, a contact, an order, or something else that is shared
    got_call: Text = ""  # a call that nobody answered
    automated: Text = ""  # answers a customer who asks whether they talk to a machine

    @field_validator("*")
    @classmethod
    def _has_only_its_places(cls, text: str, info: ValidationInfo) -> str:
        return _refuse_other_places(text, _PLACES.get(info.field_name or "", _ALWAYS))


def fill(template: str, **values: str) -> str:
    """Return the template with its places filled. Omit a place without a value, with the space before it."""

    def filled(place: re.Match[str]) -> str:
        value = values.get(place[2])
        return f"{place[1]}{value}" if value else ""

    return _TO_FILL.sub(filled, template)

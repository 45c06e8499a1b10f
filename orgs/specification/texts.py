"""What the organization says by itself: fixed sentences with places for names and times."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from orgs.specification.fields import Part

PLACES: Final = frozenset({"organization", "team", "person", "opens"})
_PLACE = re.compile(r"\{([^{}]*)\}")
_TO_FILL = re.compile(r"( ?)\{([^{}]*)\}")


def only_places(*names: str) -> AfterValidator:
    """A text that has no other places than these."""

    def checked(text: str) -> str:
        for name in _PLACE.findall(text):
            if name not in names:
                known = ", ".join(f"{{{place}}}" for place in sorted(names))
                raise PydanticCustomError("text.place", "only the places {known}", {"known": known})
        return text

    return AfterValidator(checked)


Template = Annotated[str, StringConstraints(min_length=1, max_length=1000), only_places(*PLACES)]


class Texts(Part):
    """Said to customers. Places: {organization}, {team}, {person}, {opens} (when the team is back)."""

    handoff: Template = (
        "I am passing this to our {team}. They can read the whole story and will answer you right here."
    )
    out_of_hours: Template = (
        "Nobody from our {team} is in at the moment: they will be back {opens}. Your message is with them,"
        " and they will answer you right here."
    )
    not_taken_in_time: Template = (
        "Nobody has been able to look at this yet. I have called more colleagues, and your place is kept."
    )
    unreadable: Template = (
        "I cannot read this kind of message here. Please say it in words, or send it as a picture or a file."
    )
    returned: Template = "I am back with you. Is there anything else I can help with?"
    resolved: Template = "We have marked this as solved. If it is not, just write again."
    apology: Template = "Something went wrong on our side. A colleague will look at your message."


def fill(template: str, **values: str) -> str:
    """The template with its places filled. A place without a value is left out, with the space before it."""

    def filled(place: re.Match[str]) -> str:
        value = values.get(place[2])
        return f"{place[1]}{value}" if value else ""

    return _TO_FILL.sub(filled, template)

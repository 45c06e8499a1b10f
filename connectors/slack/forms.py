"""Buttons that ask a question first: pressing one opens a form, and the submitted form becomes the event."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.core.events import Place
from connectors.slack.blocks import Block, plain

PRIVATE_METADATA = 3000  # characters a view may hide


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form with one question. Its answer is a `Submitted` named `name` with the value `field`."""

    name: str
    title: str  # at most 24 characters
    question: str
    field: str
    element: str  # the kind of Slack's input element
    submit: str


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "assign": Form(
            name="assign",
            title="Assign",
            question="Who takes it?",
            field="person",
            element="users_select",
            submit="Assign",
        ),
    }
)


def view(form: Form, value: str, place: Place) -> Block:
    """Return the modal of a form that was opened by a button with `value` on a message in `place`."""
    hidden = json.dumps({"value": value, "chat": place.chat, "thread": place.thread}, ensure_ascii=False)
    return {
        "type": "modal",
        "callback_id": form.name,
        "private_metadata": hidden[:PRIVATE_METADATA],
        "title": plain(form.title, 24),
        "submit": plain(form.submit, 24),
        "close": plain("Cancel", 24),
        "blocks": [
            {
                "type": "input",
                "block_id": form.field,
                "label": plain(form.question, 2000),
                "element": {"type": form.element, "action_id": "answer", "focus_on_load": True},
            }
        ],
    }

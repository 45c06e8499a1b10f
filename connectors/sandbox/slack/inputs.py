"""Turn what a person picks or types in Block Kit elements into the values that Slack sends."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from connectors.sandbox.slack.wire import Refused, Wire

# Plain words for plain inputs and options; several for multi-selects and checkboxes; None for nothing chosen.
Choice: TypeAlias = str | int | list[str] | None

_ONE = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_MANY = {
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
}
_ONE_OPTION = ("static_select", "external_select", "radio_buttons", "overflow")
_MANY_OPTIONS = ("multi_static_select", "multi_external_select", "checkboxes")
_TYPED = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
_STATELESS = ("button", "overflow", "workflow_button", "image", "icon_button", "feedback_buttons")


def elements(blocks: Iterable[Wire]) -> Iterable[tuple[Wire, Wire]]:
    """Yield every interactive element with its block."""
    for block in blocks:
        match block["type"]:
            case "actions" | "context_actions":
                yield from ((block, element) for element in block["elements"])
            case "section" if block.get("accessory"):
                yield block, block["accessory"]
            case "input":
                yield block, block["element"]
            case "card":
                yield from ((block, element) for element in block.get("actions", ()))


def find(blocks: Iterable[Wire], action_id: str, block_id: str = "") -> tuple[Wire, Wire]:
    for block, element in elements(blocks):
        if element.get("action_id") == action_id and block_id in ("", block["block_id"]):
            return block, element
    raise Refused("action_not_found")


def value_of(element: Wire, choice: Choice) -> Wire:
    """Return the element's entry in `state.values`.

    Raises Refused for a choice that the element does not offer.
    """
    kind = element["type"]
    if kind in _ONE_OPTION:
        return {"type": kind, "selected_option": None if choice is None else _option(element, choice)}
    if kind in _MANY_OPTIONS:
        return {"type": kind, "selected_options": [_option(element, one) for one in _several(choice)]}
    if kind in _MANY:
        return {"type": kind, _MANY[kind]: _several(choice)}
    if kind in _ONE:
        return {"type": kind, _ONE[kind]: choice}
    if kind in _TYPED:
        return {"type": kind, "value": None if choice in (None, "") else str(choice)}
    raise Refused("invalid_arguments", f"{kind} takes no choice")


def _several(choice: Choice) -> list[str]:
    if choice is None:
        return []
    return list(choice) if isinstance(choice, list) else [str(choice)]


def _option(element: Wire, choice: Choice) -> Wire:
    groups = element.get("option_groups", ())
    options = [*element.get("options", ()), *(option for group in groups for option in group["options"])]
    for option in options:
        if option["value"] == choice:
            return {key: option[key] for key in ("text", "value") if key in option}
    if element["type"].endswith("external_select"):
        text = str(choice)
        return {"text": {"type": "plain_text", "text": text, "emoji": True}, "value": text}
    raise Refused("invalid_arguments", f"no option {choice!r} in {element.get('action_id')}")


def initial_value(element: Wire) -> Wire:
    kind = element["type"]
    if kind in _ONE_OPTION:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in _MANY_OPTIONS:
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    if kind in _MANY:
        return {"type": kind, _MANY[kind]: element.get(_MANY[kind].replace("selected", "initial"), [])}
    if kind in _ONE:
        return {"type": kind, _ONE[kind]: element.get(_ONE[kind].replace("selected", "initial"))}
    return {"type": kind, "value": element.get("initial_value")}


def values(blocks: list[Wire], kept: Mapping[str, Wire]) -> dict[str, Wire]:
    """Return `state.values` of all elements that hold a value: the person's earlier choice, else the initial
    value.
    """
    found: dict[str, Wire] = {}
    for block, element in elements(blocks):
        if element["type"] not in _STATELESS:
            block_id, action_id = block["block_id"], element["action_id"]
            chosen = kept.get(block_id, {}).get(action_id)
            found.setdefault(block_id, {})[action_id] = chosen or initial_value(element)
    return found


def unanswered(blocks: list[Wire], given: Mapping[str, Wire]) -> dict[str, str]:
    """Return the complaints of a client that refuses to submit: empty required inputs, by block."""
    missing = {}
    for block, element in elements(blocks):
        if block["type"] == "input" and not block.get("optional"):
            value = given[block["block_id"]][element["action_id"]]
            if not any(part for key, part in value.items() if key != "type"):
                missing[block["block_id"]] = "Please complete this required field."
    return missing

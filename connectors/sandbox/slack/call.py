"""One call of the Web API: its arguments, read with Slack's own errors, and the table of methods."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.sandbox.slack.blockkit import Surface, check_blocks
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

MAX_ATTACHMENTS = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Its arguments are strings from a form or values from a JSON body; both are read alike."""

    workspace: Workspace
    args: Mapping[str, object]

    def text(self, key: str, default: str = "") -> str:
        value = self.args.get(key)
        if value is None:
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        raise Refused("invalid_arguments", f"must be a string: {key}")

    def required(self, key: str, code: str = "invalid_arguments") -> str:
        value = self.text(key)
        if not value:
            raise Refused(code, *([f"missing required field: {key}"] if code == "invalid_arguments" else []))
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.text(key)
        return value.lower() in ("1", "true") if value else default

    def number(self, key: str, default: int, *, most: int) -> int:
        value = self.text(key)
        if not value:
            return default
        if not value.isdigit() or not 1 <= int(value) <= most:
            raise Refused("invalid_limit")
        return int(value)

    def listed(self, key: str) -> list[str]:
        """Return an argument of comma-separated words, or a JSON list of them."""
        value = self.args.get(key)
        words = value if isinstance(value, list) else self.text(key).split(",")
        return [str(word).strip() for word in words if str(word).strip()]

    def json(self, key: str) -> object:
        """Return an argument's JSON value, given as itself or as text; None if absent.

        Raises ValueError on broken text.
        """
        value = self.args.get(key)
        if isinstance(value, str):
            return json.loads(value) if value else None
        return value

    def blocks(self) -> list[Wire] | None:
        """Return the checked `blocks` argument with missing block_ids filled in; None if absent.

        Raises Refused.
        """
        try:
            value = self.json("blocks")
        except ValueError:
            raise Refused("invalid_blocks_format") from None
        if value is None:
            return None
        if not isinstance(value, list):
            raise Refused("invalid_blocks_format")
        return judged_blocks(self.workspace, value)

    def icons(self) -> Wire:
        """Return the picture of the speaker, if the app chose another one than its own."""
        if emoji := self.text("icon_emoji"):
            return {"emoji": emoji}
        if url := self.text("icon_url"):
            return {f"image_{size}": url for size in (36, 48, 72)}
        return {}

    def attachments(self) -> list[Wire] | None:
        try:
            value = self.json("attachments")
        except ValueError:
            raise Refused("invalid_attachments") from None
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Refused("invalid_attachments")
        if len(value) > MAX_ATTACHMENTS:
            raise Refused("too_many_attachments")
        for index, item in enumerate(value, start=1):
            item.setdefault("id", index)
            if "blocks" in item:
                item["blocks"] = judged_blocks(self.workspace, item["blocks"])
        return value

    def metadata(self) -> Wire | None:
        """Return the `metadata` argument, an event_type and a flat event_payload; None if absent.

        Raises Refused.

        https://docs.slack.dev/messaging/message-metadata
        """
        try:
            value = self.json("metadata")
        except ValueError:
            raise Refused("invalid_metadata_format") from None
        if value is None:
            return None
        if not isinstance(value, dict) or not isinstance(value.get("event_type"), str):
            raise Refused("invalid_metadata_format")
        if not isinstance(value.get("event_payload"), dict):
            raise Refused("invalid_metadata_schema")
        return value


Method = Callable[[Call], Wire]


def judged_blocks(workspace: Workspace, blocks: object) -> list[Wire]:
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    complaints = check_blocks(blocks, Surface.MESSAGE, workspace.unknown_blocks)
    if complaints:
        raise Refused("invalid_blocks", *complaints, errors=complaints)
    return named_blocks(workspace, blocks)


def named_blocks(workspace: Workspace, blocks: list[Wire]) -> list[Wire]:
    """Fill in the ids that Slack gives to blocks and elements without one."""
    for block in blocks:
        block.setdefault("block_id", workspace.ids("")[-5:])
        match block["type"]:
            case "actions":
                interactive = block["elements"]
            case "section" if block.get("accessory") and block["accessory"]["type"] != "image":
                interactive = [block["accessory"]]
            case "input":
                interactive = [block["element"]]
            case "container":
                named_blocks(workspace, block["child_blocks"])
                interactive = []
            case _:
                interactive = []
        for element in interactive:
            element.setdefault("action_id", workspace.ids("")[-5:])
    return blocks


def page(items: list[str], call: Call, *, default: int = 100, most: int = 1000) -> tuple[list[str], str]:
    """Return one page of the keys, and the cursor of the next page ("" at the end)."""
    limit = call.number("limit", default, most=most)
    cursor = call.text("cursor")
    start = 0
    if cursor:
        if not cursor.startswith("next:") or cursor[5:] not in items:
            raise Refused("invalid_cursor")
        start = items.index(cursor[5:])
    following = items[start + limit : start + limit + 1]
    return items[start : start + limit], f"next:{following[0]}" if following else ""

"""Check Block Kit as Slack does: kinds of blocks and elements, lengths and counts.

Numbers from https://docs.slack.dev/reference/block-kit. Of blocks that only Slack's own surfaces fill
(charts, plans) only the counts are checked.
"""

from collections.abc import Callable, Collection
from enum import Enum

from connectors.sandbox.slack.probe import MAX_ACTION_ID, MAX_BLOCK_ID, MRKDWN, PLAIN, Probe
from connectors.sandbox.slack.wire import Wire

MAX_CELLS = 20_000


class Surface(Enum):
    """A place where blocks are shown, and how many fit there."""

    MESSAGE = 50
    VIEW = 100


def check_blocks(blocks: object, surface: Surface, without: Collection[str] = ()) -> list[str]:
    """Return Slack's complaints about a list of blocks; none if it would be shown.

    `without` are kinds of blocks that a workspace does not know yet.
    """
    root = Probe({"blocks": blocks})
    _blocks(root, "blocks", surface, least=0, without=without)
    _all_cells(root)
    return root.complaints


def check_view(view: Wire) -> list[str]:
    """Return Slack's complaints about a modal or a Home tab."""
    root = Probe(view, "/view")
    root.choice("type", ("modal", "home"), required=True)
    if view.get("type") == "modal":
        root.text("title", 24, PLAIN, required=True)
        root.text("submit", 24, PLAIN)
        root.text("close", 24, PLAIN)
    root.string("private_metadata", most=3000)
    root.string("callback_id", most=255)
    _blocks(root, "blocks", Surface.VIEW, least=1)
    blocks = view.get("blocks")
    needs_submit = isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "input" for block in blocks
    )
    if needs_submit and view.get("type") == "modal" and "submit" not in view:
        root.complain("missing required field: submit")
    return root.complaints


def _blocks(root: Probe, key: str, surface: Surface, *, least: int, without: Collection[str] = ()) -> None:
    seen: set[str] = set()
    for probe in root.children(key, least=least, most=surface.value, required=True):
        kind = probe.value.get("type")
        check = _BLOCKS.get(kind) if isinstance(kind, str) and kind not in without else None
        if check is None:
            probe.complain(f"unsupported type: {kind}")
            continue
        probe.string("block_id", most=MAX_BLOCK_ID)
        check(probe)
        block_id = probe.value.get("block_id")
        if surface is Surface.VIEW and isinstance(block_id, str) and block_id:
            if block_id in seen:
                probe.complain(f"duplicate block_id: {block_id}")
            seen.add(block_id)


def _section(probe: Probe) -> None:
    if "text" not in probe.value and "fields" not in probe.value:
        probe.complain("missing required field: text or fields")
    probe.text("text", 3000)
    for index in range(probe.count("fields", least=1, most=10)):
        probe.text_at("fields", index, 2000)
    accessory = probe.child("accessory")
    if accessory is not None:
        _element(accessory, _ACCESSORIES)


def _actions(probe: Probe) -> None:
    _elements(probe, _ACTION_ELEMENTS, least=1, most=25)


def _elements(probe: Probe, allowed: frozenset[str], *, least: int, most: int) -> None:
    seen: set[str] = set()
    for element in probe.children("elements", least=least, most=most, required=True):
        _element(element, allowed)
        action_id = element.value.get("action_id")
        if isinstance(action_id, str):
            if action_id in seen:
                element.complain(f"`action_id` already exists: {action_id}")
            seen.add(action_id)


def _context(probe: Probe) -> None:
    for element in probe.children("elements", least=1, most=10, required=True):
        match element.value.get("type"):
            case "image":
                _image(element)
            case "plain_text" | "mrkdwn":
                element.own_text(3000)
            case other:
                element.complain(f"unsupported type: {other}")


def _header(probe: Probe) -> None:
    probe.text("text", 150, PLAIN, required=True)


def _image(probe: Probe) -> None:
    if ("image_url" in probe.value) == ("slack_file" in probe.value):
        probe.complain("must have exactly one of image_url and slack_file")
    probe.string("image_url", least=1, most=3000)
    probe.string("alt_text", most=2000, required=True)
    probe.text("title", 2000, PLAIN)


def _input(probe: Probe) -> None:
    probe.text("label", 2000, PLAIN, required=True)
    probe.text("hint", 2000, PLAIN)
    element = probe.child("element", required=True)
    if element is not None:
        _element(element, _INPUT_ELEMENTS)


def _markdown(probe: Probe) -> None:
    probe.string("text", least=1, most=12000, required=True)


def _video(probe: Probe) -> None:
    probe.string("alt_text", least=1, most=200, required=True)
    probe.text("title", 200, PLAIN, required=True)
    probe.text("description", 200, PLAIN)
    probe.string("author_name", most=50)
    probe.string("provider_name", most=50)
    probe.string("video_url", least=1, required=True)
    probe.string("thumbnail_url", least=1, required=True)


def _table(probe: Probe) -> None:
    probe.count("rows", least=1, most=100)
    rows = [row for row in probe.list_of("rows") if isinstance(row, list)]
    if len({len(row) for row in rows}) > 1:
        probe.complain("rows must have the same number of cells")
    if rows and "column_settings" in probe.value and len(probe.list_of("column_settings")) > len(rows[0]):
        probe.complain("column_settings must match the number of columns")


def _data_table(probe: Probe) -> None:
    """Check a block of https://docs.slack.dev/reference/block-kit/blocks/data-table-block"""
    probe.string("caption", least=1, required=True)
    probe.number("page_size", least=1, most=100)
    probe.count("rows", least=2, most=201, required=True)
    rows = [row for row in probe.list_of("rows") if isinstance(row, list)]
    if len(rows) < len(probe.list_of("rows")):
        probe.complain("must provide an array", "/rows")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        probe.complain("rows must have the same number of cells", "/rows")
    if any(not 1 <= width <= 20 for width in widths):
        probe.complain("must contain from 1 to 20 cells", "/rows")
    probe.number("row_header_column_index", least=0, most=max(0, *(width - 1 for width in widths), 0))
    for number, row in enumerate(rows):
        for cell in row:
            _cell(probe, cell, header=number == 0)


def _cell(probe: Probe, cell: object, *, header: bool) -> None:
    match cell:
        case {"type": "raw_text", "text": str(text)} if text:
            pass
        case {"type": "raw_number", "value": int() | float()}:
            pass
        case {"type": "rich_text"} if not header:
            pass
        case _:
            probe.complain("invalid cell", "/rows")


def _all_cells(root: Probe) -> None:
    """Complain if the cells of all tables in a message hold too many characters."""
    tables = [t for t in root.list_of("blocks") if isinstance(t, dict) and t.get("type") == "data_table"]
    rows = [row for table in tables for row in Probe(table).list_of("rows") if isinstance(row, list)]
    texts = [str(cell.get("text", "")) for row in rows for cell in row if isinstance(cell, dict)]
    if sum(map(len, texts)) > MAX_CELLS:
        root.complain(f"no more than {MAX_CELLS} characters in the cells of tables", "/blocks")


def _card(probe: Probe) -> None:
    if not {"hero_image", "title", "actions", "body"} & probe.value.keys():
        probe.complain("missing required field: hero_image, title, actions or body")
    probe.text("title", 150)
    probe.text("subtitle", 150)
    probe.text("body", 200)
    probe.text("subtext", 200)
    for element in probe.children("actions", most=3):
        _element(element, _ACTION_ELEMENTS)


def _carousel(probe: Probe) -> None:
    for card in probe.children("elements", least=1, most=10, required=True):
        _card(card)


def _container(probe: Probe) -> None:
    """Check a block of https://docs.slack.dev/reference/block-kit/blocks/container-block

    What Slack's own SDK checks is checked, too.
    """
    if "rich_text_title" not in probe.value:
        probe.text("title", 150, PLAIN, required=True)
    probe.text("subtitle", 150)
    probe.choice("width", ("narrow", "standard", "wide", "full"))
    if probe.value.get("is_collapsible") is True and probe.value.get("has_header_divider") is True:
        probe.complain("has_header_divider cannot be set when is_collapsible is true")
    for child in probe.children("child_blocks", least=1, most=10, required=True):
        kind = child.value.get("type")
        if not isinstance(kind, str) or kind not in _CHILDREN:
            child.complain(f"unsupported type: {kind}")
            continue
        child.string("block_id", most=MAX_BLOCK_ID)
        _BLOCKS[kind](child)


def _context_actions(probe: Probe) -> None:
    for element in probe.children("elements", least=1, most=5, required=True):
        _element(element, frozenset({"feedback_buttons", "icon_button"}))


def _feedback_buttons(probe: Probe) -> None:
    for key in ("positive_button", "negative_button"):
        button = probe.child(key, required=True)
        if button is not None:
            button.text("text", 75, PLAIN, required=True)
            button.string("value", most=2000)
            button.string("accessibility_label", most=75)


def _icon_button(probe: Probe) -> None:
    probe.text("text", 75, PLAIN, required=True)
    probe.count("visible_to_user_ids", most=10)


def _nothing(probe: Probe) -> None:
    """Check nothing: of this kind of block only the type is checked."""


def _element(probe: Probe, allowed: frozenset[str]) -> None:
    kind = probe.value.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        probe.complain(f"unsupported type: {kind}")
        return
    probe.string("action_id", least=1, most=MAX_ACTION_ID)
    probe.text("placeholder", 150, PLAIN)
    confirm = probe.child("confirm")
    if confirm is not None:
        confirm.text("title", 100, PLAIN, required=True)
        confirm.text("text", 300, required=True)
        confirm.text("confirm", 30, PLAIN, required=True)
        confirm.text("deny", 30, PLAIN, required=True)
    _ELEMENTS.get(kind, _nothing)(probe)


def _button(probe: Probe) -> None:
    probe.text("text", 75, PLAIN, required=True)
    probe.string("url", most=3000)
    probe.string("value", most=2000)
    probe.string("accessibility_label", most=75)
    probe.choice("style", ("primary", "danger"))


def _options(probe: Probe, *, least: int, most: int, kinds: tuple[str, ...] = PLAIN) -> None:
    for option in probe.children("options", least=least, most=most, required=True):
        option.text("text", 75, kinds, required=True)
        option.string("value", most=150, required=True)
        option.text("description", 75, kinds)
        option.string("url", most=3000)


def _static_select(probe: Probe) -> None:
    if ("options" in probe.value) == ("option_groups" in probe.value):
        probe.complain("must have exactly one of options and option_groups")
    if "options" in probe.value:
        _options(probe, least=1, most=100)
    for group in probe.children("option_groups", least=1, most=100):
        group.text("label", 75, PLAIN, required=True)
        _options(group, least=1, most=100)


def _overflow(probe: Probe) -> None:
    _options(probe, least=1, most=5)


def _choices(probe: Probe) -> None:
    _options(probe, least=1, most=10, kinds=MRKDWN)


def _plain_text_input(probe: Probe) -> None:
    probe.number("max_length", least=1, most=3000)
    probe.number("min_length", least=0, most=3000)


def _number_input(probe: Probe) -> None:
    low, high = probe.value.get("min_value"), probe.value.get("max_value")
    try:
        inverted = low is not None and high is not None and float(str(low)) > float(str(high))
    except ValueError:
        probe.complain("min_value and max_value must be numbers")
        return
    if inverted:
        probe.complain("min_value must not be greater than max_value")


def _file_input(probe: Probe) -> None:
    probe.number("max_files", least=1, most=10)


def _alert(probe: Probe) -> None:
    probe.text("text", 200, required=True)


_SELECTS = frozenset(
    f"{many}{kind}_select"
    for many in ("", "multi_")
    for kind in ("static", "external", "users", "conversations", "channels")
)
_ACTION_ELEMENTS = _SELECTS | {
    "button", "checkboxes", "datepicker", "datetimepicker", "overflow", "radio_buttons",
    "timepicker", "workflow_button", "icon_button", "feedback_buttons",
}  # fmt: skip
_ACCESSORIES = _ACTION_ELEMENTS | {"image"}
_INPUT_ELEMENTS = _SELECTS | {
    "checkboxes", "datepicker", "datetimepicker", "email_text_input", "file_input", "number_input",
    "plain_text_input", "radio_buttons", "rich_text_input", "timepicker", "url_text_input",
}  # fmt: skip

_ELEMENTS: dict[str, Callable[[Probe], None]] = {
    "button": _button,
    "checkboxes": _choices,
    "feedback_buttons": _feedback_buttons,
    "file_input": _file_input,
    "icon_button": _icon_button,
    "image": _image,
    "multi_static_select": _static_select,
    "number_input": _number_input,
    "overflow": _overflow,
    "plain_text_input": _plain_text_input,
    "radio_buttons": _choices,
    "static_select": _static_select,
}
_CHILDREN = frozenset(  # of a container
    {"actions", "context", "divider", "file", "header", "image", "input", "rich_text", "section", "table"}
    | {"video"}
)
_BLOCKS: dict[str, Callable[[Probe], None]] = {
    "actions": _actions,
    "alert": _alert,
    "card": _card,
    "carousel": _carousel,
    "container": _container,
    "context": _context,
    "context_actions": _context_actions,
    "data_table": _data_table,
    "data_visualization": _nothing,
    "divider": _nothing,
    "file": _nothing,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "plan": _nothing,
    "rich_text": _nothing,
    "section": _section,
    "table": _table,
    "task_card": _nothing,
    "video": _video,
}

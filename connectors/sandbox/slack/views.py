"""views.*: modals and Home tabs, and what a submission's answer does to them."""

from collections.abc import Mapping

from connectors.sandbox.slack.blockkit import check_view
from connectors.sandbox.slack.call import Call, Method, named_blocks
from connectors.sandbox.slack.shapes import view_wire
from connectors.sandbox.slack.state import View
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

MAX_STACK = 3  # https://docs.slack.dev/surfaces/modals


def judged(workspace: Workspace, source: object, *, kind: str) -> Wire:
    """Return a view of the app with missing block_ids filled in.

    Raises Refused for one that Slack would not take.
    """
    if not isinstance(source, dict):
        raise Refused("invalid_arguments", "missing required field: view")
    complaints = check_view(source)
    if source.get("type") != kind:
        complaints.append(f"must be one of: {kind} [json-pointer:/view/type]")
    if complaints:
        raise Refused("invalid_arguments", *complaints)
    return {**source, "blocks": named_blocks(workspace, source["blocks"])}


def _given(call: Call, *, kind: str) -> Wire:
    try:
        source = call.json("view")
    except ValueError:
        raise Refused("invalid_arguments", "failed to parse view") from None
    return judged(call.workspace, source, kind=kind)


def _fresh_external_id(workspace: Workspace, source: Wire, own: str = "") -> None:
    external = source.get("external_id")
    if external and any(
        view.source.get("external_id") == external and view.id != own
        for view in workspace.state.views.values()
    ):
        raise Refused("duplicate_external_id")


def _hash(workspace: Workspace) -> str:
    return f"{workspace.seconds()}.{workspace.ids('')[-8:]}"


def add(workspace: Workspace, user: str, source: Wire, *, on: list[str]) -> View:
    """Put a new view on the person's stack."""
    view_id = workspace.ids("V")
    view = View(
        id=view_id,
        user=user,
        hash=_hash(workspace),
        source=source,
        root_view_id=on[0] if on else view_id,
        previous_view_id=on[-1] if on else "",
    )
    workspace.state.views[view_id] = view
    workspace.state.stacks[user] = [*on, view_id]
    workspace.show("view_opened", user=user, view=view_wire(view, workspace.home))
    return view


def replace(workspace: Workspace, view: View, source: Wire) -> View:
    """Replace the view's content. Values of inputs that keep their ids stay, as in Slack."""
    kept = {block["block_id"] for block in source["blocks"]}
    view.source = source
    view.hash = _hash(workspace)
    view.values = {key: value for key, value in view.values.items() if key in kept}
    workspace.show("view_updated", user=view.user, view=view_wire(view, workspace.home))
    return view


def close(workspace: Workspace, user: str, count: int | None = None) -> None:
    """Close the topmost `count` views of the person's stack; all of them without a count."""
    stack = workspace.state.stacks.get(user, [])
    for view_id in stack[-count:] if count else stack[:]:
        stack.remove(view_id)
        del workspace.state.views[view_id]
        workspace.show("view_closed", user=user, view_id=view_id)


def open_modal(call: Call) -> Wire:
    workspace = call.workspace
    source = _given(call, kind="modal")
    _fresh_external_id(workspace, source)
    trigger = workspace.use_trigger(call.required("trigger_id"))
    close(workspace, trigger.user)
    view = add(workspace, trigger.user, source, on=[])
    return {"view": view_wire(view, workspace.home)}


def push(call: Call) -> Wire:
    workspace = call.workspace
    source = _given(call, kind="modal")
    _fresh_external_id(workspace, source)
    trigger = workspace.use_trigger(call.required("trigger_id"))
    stack = workspace.state.stacks.get(trigger.user, [])
    if not trigger.view_id or trigger.view_id not in stack:
        raise Refused("not_found")
    return {"view": view_wire(pushed(workspace, trigger.user, source), workspace.home)}


def pushed(workspace: Workspace, user: str, source: Wire) -> View:
    stack = workspace.state.stacks.get(user, [])
    if len(stack) >= MAX_STACK:
        raise Refused("push_limit_reached")
    return add(workspace, user, source, on=stack)


def update(call: Call) -> Wire:
    workspace = call.workspace
    view = _named(workspace, call.text("view_id"), call.text("external_id"))
    if call.text("hash") and call.text("hash") != view.hash:
        raise Refused("hash_conflict")
    source = _given(call, kind=view.source["type"])
    _fresh_external_id(workspace, source, own=view.id)
    return {"view": view_wire(replace(workspace, view, source), workspace.home)}


def _named(workspace: Workspace, view_id: str, external_id: str) -> View:
    for view in workspace.state.views.values():
        if view.id == view_id or (external_id and view.source.get("external_id") == external_id):
            return view
    raise Refused("not_found")


def publish(call: Call) -> Wire:
    workspace = call.workspace
    user = call.required("user_id")
    if user not in workspace.state.users:
        raise Refused("user_not_found")
    source = _given(call, kind="home")
    current = workspace.state.views.get(workspace.state.homes.get(user, ""))
    if current is None:
        view_id = workspace.ids("V")
        current = View(id=view_id, user=user, hash=_hash(workspace), source=source, root_view_id=view_id)
        workspace.state.views[view_id] = current
        workspace.state.homes[user] = view_id
        workspace.show("view_opened", user=user, view=view_wire(current, workspace.home))
    elif call.text("hash") and call.text("hash") != current.hash:
        raise Refused("hash_conflict")
    else:
        replace(workspace, current, source)
    return {"view": view_wire(current, workspace.home)}


def obey(workspace: Workspace, view: View, answer: Mapping[str, object]) -> dict[str, str]:
    """Do what the app answered to a submission. Return the errors to show beside the inputs.

    Raises Refused for an answer that Slack would not take.
    """
    match answer.get("response_action"):
        case None:
            close(workspace, view.user, 1)
        case "clear":
            close(workspace, view.user)
        case "update":
            replace(workspace, view, judged(workspace, answer.get("view"), kind="modal"))
        case "push":
            pushed(workspace, view.user, judged(workspace, answer.get("view"), kind="modal"))
        case "errors":
            errors = answer.get("errors")
            known = {block["block_id"] for block in view.source["blocks"] if block["type"] == "input"}
            if not isinstance(errors, dict) or not errors or not set(errors) <= known:
                raise Refused("invalid_arguments", "errors must name input blocks of the view")
            return {str(key): str(text) for key, text in errors.items()}
        case other:
            raise Refused("invalid_arguments", f"unknown response_action: {other}")
    return {}


METHODS: dict[str, Method] = {
    "views.open": open_modal,
    "views.push": push,
    "views.update": update,
    "views.publish": publish,
}

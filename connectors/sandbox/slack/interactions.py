"""Send a person's clicks, submissions and slash commands to the app, and apply its answers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from connectors.sandbox.slack import inputs, messages, views
from connectors.sandbox.slack.delivery import Answer, Delivery, Parcel, Route
from connectors.sandbox.slack.responses import say
from connectors.sandbox.slack.shapes import view_wire
from connectors.sandbox.slack.state import Channel, Ephemeral, Message, ResponseUrl, User, View
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result that a person sees: whether the app answered in time, and complaints beside inputs."""

    taken: bool
    reason: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


class Interactions:
    def __init__(self, workspace: Workspace, delivery: Delivery, verification_token: str) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._token = verification_token

    def _opening(self, kind: str, user: User) -> Wire:
        home = self._workspace.home
        return {
            "type": kind,
            "user": {
                "id": user.id,
                "username": user.name,
                "name": user.name,
                "team_id": user.team_id or home.team_id,
            },
            "api_app_id": home.app_id,
            "token": self._token,
            "team": {"id": home.team_id, "domain": home.domain},
            "enterprise": asdict(home.enterprise) if home.enterprise else None,
            "is_enterprise_install": home.enterprise is not None,
        }

    async def _ask(self, payload: Wire) -> Answer:
        return await self._delivery.ask(Parcel(Route.INTERACTIONS, payload["type"], payload))

    async def click(
        self,
        user: User,
        channel: Channel,
        ts: str,
        action_id: str,
        *,
        choice: inputs.Choice,
        block_id: str,
    ) -> Outcome:
        """Use an element of a message, or of an ephemeral message this person sees."""
        workspace = self._workspace
        shown = self._shown(user, channel, ts)
        is_ephemeral = isinstance(shown, Ephemeral)
        attached = [block for item in shown.attachments for block in item.get("blocks", ())]
        blocks = [*shown.blocks, *attached]
        block, element = inputs.find(blocks, action_id, block_id)
        action = self._action(block, element, choice)
        container = {
            "type": "message",
            "message_ts": ts,
            "channel_id": channel.id,
            "is_ephemeral": is_ephemeral,
        }
        if shown.thread_ts:
            container["thread_ts"] = shown.thread_ts
        payload = self._opening("block_actions", user) | {
            "container": container,
            "trigger_id": workspace.new_trigger(user.id),
            "channel": {"id": channel.id, "name": _channel_name(channel)},
            "state": {"values": inputs.values(blocks, _chosen(block, element, action))},
            "response_url": workspace.new_response_url(
                channel.id, user.id, message_ts=ts, is_ephemeral=is_ephemeral
            ),
            "actions": [action],
        }
        if isinstance(shown, Message):
            payload["message"] = workspace.message_wire(channel, shown)
        answer = await self._ask(payload)
        return Outcome(taken=answer.taken, reason=answer.reason)

    def _shown(self, user: User, channel: Channel, ts: str) -> Message | Ephemeral:
        for ephemeral in self._workspace.state.ephemerals:
            if (ephemeral.ts, ephemeral.channel, ephemeral.user) == (ts, channel.id, user.id):
                return ephemeral
        if user.id not in channel.members:
            raise Refused("not_in_channel")
        return messages.find(channel, ts)

    def _action(self, block: Wire, element: Wire, choice: inputs.Choice) -> Wire:
        action: Wire = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "action_ts": self._workspace.next_ts(),
        }
        if element["type"] in ("button", "icon_button"):
            named = {key: element[key] for key in ("text", "value", "style") if key in element}
            return action | named | ({"value": choice} if choice is not None else {})
        if element["type"] == "feedback_buttons":
            return action | {"value": choice}
        return action | inputs.value_of(element, choice)

    async def click_in_view(
        self, user: User, view: View, action_id: str, choice: inputs.Choice, block_id: str
    ) -> Outcome:
        blocks = view.source["blocks"]
        block, element = inputs.find(blocks, action_id, block_id)
        action = self._action(block, element, choice)
        for key, chosen in _chosen(block, element, action).items():
            view.values.setdefault(key, {}).update(chosen)
        view.values = inputs.values(blocks, view.values)
        payload = self._opening("block_actions", user) | {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self._workspace.new_trigger(user.id, view.id),
            "view": view_wire(view, self._workspace.home),
            "actions": [action],
        }
        answer = await self._ask(payload)
        return Outcome(taken=answer.taken, reason=answer.reason)

    async def submit(
        self, user: User, view: View, filled: Mapping[str, Mapping[str, inputs.Choice]]
    ) -> Outcome:
        blocks = view.source["blocks"]
        kept = {key: dict(chosen) for key, chosen in view.values.items()}
        for block_id, choices in filled.items():
            for action_id, choice in choices.items():
                _, element = inputs.find(blocks, action_id, block_id)
                kept.setdefault(block_id, {})[action_id] = inputs.value_of(element, choice)
        view.values = inputs.values(blocks, kept)
        if missing := inputs.unanswered(blocks, view.values):
            return Outcome(taken=False, reason="required", errors=missing)
        payload = self._opening("view_submission", user) | {
            "trigger_id": self._workspace.new_trigger(user.id, view.id),
            "view": view_wire(view, self._workspace.home),
            "response_urls": [],
        }
        answer = await self._ask(payload)
        if not answer.taken:
            return Outcome(taken=False, reason=answer.reason)
        if view.id not in self._workspace.state.views:  # the app or the person closed it meanwhile
            return Outcome(taken=True)
        try:
            errors = views.obey(self._workspace, view, answer.body)
        except Refused as refusal:
            return Outcome(taken=False, reason=str(refusal))
        return Outcome(taken=not errors, reason="errors" if errors else "", errors=errors)

    async def close(self, user: User, view: View) -> Outcome:
        """Cancel a view as a person. The app is told if the view asked for that."""
        payload = self._opening("view_closed", user) | {
            "view": view_wire(view, self._workspace.home),
            "is_cleared": False,
        }
        views.close(self._workspace, user.id, 1)
        if not view.source.get("notify_on_close"):
            return Outcome(taken=True)
        answer = await self._ask(payload)
        return Outcome(taken=answer.taken, reason=answer.reason)

    async def slash(self, user: User, channel: Channel, command: str, text: str) -> Outcome:
        workspace = self._workspace
        home = workspace.home
        payload: Wire = {
            "token": self._token,
            "team_id": home.team_id,
            "team_domain": home.domain,
            "channel_id": channel.id,
            "channel_name": _channel_name(channel),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": home.app_id,
            "is_enterprise_install": "false",
            "response_url": workspace.new_response_url(channel.id, user.id),
            "trigger_id": workspace.new_trigger(user.id),
        }
        answer = await self._delivery.ask(Parcel(Route.COMMANDS, "slash_command", payload))
        if not answer.taken:
            return Outcome(taken=False, reason=_COMMAND_FAILURES.get(answer.reason, "dispatch_failed"))
        if any(answer.body.get(key) for key in ("text", "blocks", "attachments")):
            here = ResponseUrl(
                channel=channel.id, user=user.id, message_ts="", is_ephemeral=False, expires=workspace.clock()
            )
            try:
                say(workspace, here, answer.body)
            except Refused as refusal:
                return Outcome(taken=False, reason=str(refusal))
        return Outcome(taken=True)


# What a person reads: "/desk failed with the error operation_timeout".
_COMMAND_FAILURES = {"http_timeout": "operation_timeout", "http_error": "http_service_error"}


def _channel_name(channel: Channel) -> str:
    return {"im": "directmessage", "group": "privategroup", "channel": channel.name}[channel.kind]


def _chosen(block: Wire, element: Wire, action: Wire) -> dict[str, Wire]:
    outer = ("action_id", "block_id", "action_ts")
    value = {key: part for key, part in action.items() if key not in outer}
    return {block["block_id"]: {element["action_id"]: value}}

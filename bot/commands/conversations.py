"""`desk conversations …`: what customers and the organization said to each other."""

from typing import Final

from bot.commands.desk import Desk, whose
from bot.commands.formatting import count_of, moment, plural, short_ids, since
from bot.core.commands import Call, Command, JsonValue, Output, Parameter, Subject, Table
from bot.core.conversation import Message, MessageState, OwnerKind, Role, Status
from bot.core.errors import BadUsage, CommandError
from bot.core.ids import ConversationId
from bot.core.numbers import shown
from bot.core.permissions import Permission
from bot.turns.escaping import known_as
from bot.turns.story import is_another
from storage import queries
from storage.inbox import Inboxes
from storage.queries import ConversationLine, ConversationStory
from storage.watching import watch_request

_MOST: Final = 200


def commands(desk: Desk) -> tuple[Command, ...]:
    async def listed(call: Call) -> Output:
        limit = count_of(call.arguments["limit"], "limit", _MOST)
        status = _status(call.arguments["status"]) if call.arguments["status"] else None
        automatic, before = call.arguments["automatic"], call.arguments["before"]
        if status is not None and automatic:
            raise BadUsage("--automatic are pending ones: leave --status out.")
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            after = None
            if before:
                found = await queries.find_id(connection, known.organization, Subject.CONVERSATION, before)
                after = ConversationId(found)
            lines = await queries.conversations(
                connection,
                desk.keys,
                known.organization,
                status=status,
                automatic=bool(automatic),
                before=after,
                limit=limit,
                scopes=call.scopes,
            )
        return _listed(desk, lines)

    async def show(call: Call) -> Output:
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            id_ = await queries.find_id(
                connection, known.organization, Subject.CONVERSATION, call.arguments["conversation"]
            )
            story = await queries.conversation(connection, desk.keys, known.organization, ConversationId(id_))
        return _shown(desk, story)

    async def watch(call: Call) -> Output:
        person = call.caller.person
        if person is None:
            raise BadUsage("Only a person can watch: type `/desk conversations watch` in chat.")
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            found = await queries.find_id(
                connection, known.organization, Subject.CONVERSATION, call.arguments["conversation"]
            )
            id_ = ConversationId(found)
            line = (await queries.conversation(connection, desk.keys, known.organization, id_)).line
            if line.owner.kind not in (OwnerKind.AGENT, OwnerKind.FLOW) or line.status is Status.RESOLVED:
                raise CommandError("No agent handles this conversation now: there is nothing to watch.")
            entry = await watch_request(
                connection, desk.keys, known.organization, id_, person, request=desk.new_id()
            )
            await Inboxes(desk.keys, desk.new_id).tell(connection, [entry])
        await desk.wake_workers()
        return Output(
            text=f"{_customer(line)}'s conversation opens in a thread of the team's escalation channel.",
            data={"conversation": str(id_)},
            about=(id_,),
        )

    parameters = (
        Parameter("status", "Only those: pending, in_progress, escalated or resolved.", "", option=True),
        Parameter("automatic", "Only those nobody answers because a program wrote.", "", flag=True),
        Parameter("before", "Go on after this conversation.", "", option=True, names=Subject.CONVERSATION),
        Parameter("limit", f"How many, at most {_MOST}.", "20", option=True),
    )
    summary = "The newest conversations."
    return (
        Command(
            name="conversations",
            summary=summary,
            permission=Permission.CONVERSATIONS_READ,
            handler=listed,
            parameters=parameters,
            example="--status escalated",
        ),
        Command(
            name="conversations list",
            summary=summary,
            permission=Permission.CONVERSATIONS_READ,
            handler=listed,
            parameters=parameters,
        ),
        Command(
            name="conversations show",
            summary="One conversation, word by word.",
            permission=Permission.CONVERSATIONS_READ,
            handler=show,
            parameters=(
                Parameter(
                    "conversation",
                    "Its number, its id, or the beginning of that.",
                    names=Subject.CONVERSATION,
                ),
            ),
            example="4831-27",
        ),
        Command(
            name="conversations watch",
            summary="Read along in a thread while an agent answers; take over there with a press.",
            permission=Permission.CONVERSATIONS_WATCH,
            handler=watch,
            parameters=(
                Parameter(
                    "conversation",
                    "Its number, its id, or the beginning of that.",
                    names=Subject.CONVERSATION,
                ),
            ),
            example="4831-27",
            writes=True,
        ),
    )


def _status(text: str) -> Status:
    try:
        return Status(text.lower().replace("-", "_"))
    except ValueError:
        known = ", ".join(Status)
        raise BadUsage(f"--status is {text[:20]!r}: it must be one of {known}.") from None


def _listed(desk: Desk, lines: tuple[ConversationLine, ...]) -> Output:
    now = desk.clock()
    shorts = short_ids([line.id for line in lines])
    return Output(
        tables=(
            Table(
                ("conversation", "number", "customer", "channel", "status", "owner", "messages", "age"),
                tuple(
                    (
                        short,
                        shown(line.number),
                        _customer(line),
                        line.channel,
                        f"{line.status.value}{' (a program wrote)' if line.automatic else ''}",
                        f"{line.owner.kind}:{line.owner.name}",
                        str(line.messages),
                        since(now, line.created_at),
                    )
                    for short, line in zip(shorts, lines, strict=True)
                ),
                empty="No conversations.",
            ),
        ),
        data=[line_data(line) for line in lines],
        about=tuple(line.id for line in lines),
    )


def line_data(line: ConversationLine) -> dict[str, JsonValue]:
    return {
        "id": str(line.id),
        "number": shown(line.number),
        "customer": str(line.customer),
        "customer_name": line.customer_name,
        "customer_address": line.customer_address,
        "channel": line.channel,
        "account": line.account,
        "status": line.status.value,
        "owner": {"kind": line.owner.kind.value, "name": line.owner.name},
        "created_at": line.created_at.isoformat(),
        "messages": line.messages,
        "automatic": line.automatic,
        "pending_since": line.pending_since.isoformat() if line.pending_since else None,
    }


def _shown(desk: Desk, story: ConversationStory) -> Output:
    line = story.line
    waits = (
        f", waits for an answer for {since(desk.clock(), line.pending_since)}" if line.pending_since else ""
    )
    handled = (
        f"waiting for team {line.owner.name}"
        if line.owner.kind is OwnerKind.QUEUE
        else f"{line.owner.kind} {line.owner.name} is handling this"
    )
    head = (
        f"{line.id}, number {shown(line.number)}: {_customer(line)} on {line.channel}, {line.status},"
        f" {handled}{waits}."
    )
    before = f"\nThe customer's conversation before it: {story.previous}" if story.previous else ""
    escalated = "".join(
        f"\nEscalation {e.id}: {e.state}, team {e.team}{f', {e.holder}' if e.holder else ''}"
        for e in story.escalations
    )
    return Output(
        text=head + before + escalated,
        tables=(
            Table(
                ("at (UTC)", "who", "text", "state"),
                tuple((moment(m.at), _who(m, line), _text(m), m.state.value) for m in story.messages),
                title=plural(len(story.messages), "message"),
                empty="Nothing was said yet.",
            ),
        ),
        data={
            **line_data(line),
            "previous": str(story.previous) if story.previous else None,
            "escalations": [str(e.id) for e in story.escalations],
            "log": [
                {
                    "id": str(m.id),
                    "at": m.at.isoformat(),
                    "role": m.role.value,
                    "sender": m.sender,
                    "writer": _who(m, line),
                    "text": m.text,
                    "described": m.reference.described,
                    "disclosed": m.reference.disclosed,
                    "state": m.state.value,
                    "stopped": m.reference.stopped,
                    "edited": m.edited,
                    "attachments": [a.kind for a in m.attachments],
                }
                for m in story.messages
            ],
        },
        about=(line.id,),
    )


def _customer(line: ConversationLine) -> str:
    return known_as(line.customer_name, line.customer_address)


def _who(message: Message, line: ConversationLine) -> str:
    """Return who wrote a message: by name, where several people share a thread.

    A customer's id means nothing to people, so their name stands in its place.
    """
    told = message.reference
    if message.role in (Role.CUSTOMER, Role.SYSTEM) and is_another(told.address, line.customer_address):
        return f"{told.writer} ({told.address})" if told.writer not in ("", told.address) else told.address
    if message.sender == str(line.customer):
        return _customer(line)
    gone = message.role is Role.CUSTOMER and message.state is MessageState.DELETED
    return "somebody erased" if gone else f"{message.role} {message.sender}"


def _text(message: Message) -> str:
    described = f" [{message.reference.described}]" if message.reference.described else ""
    attached = "".join(f" [{attachment.kind}]" for attachment in message.attachments)
    disclosed = f"{message.reference.disclosed} " if message.reference.disclosed else ""
    edited = " (edited)" if message.edited else ""
    stopped = " (stopped midway)" if message.reference.stopped else ""
    return f"{disclosed}{message.text}{edited}{stopped}{described}{attached}".strip()

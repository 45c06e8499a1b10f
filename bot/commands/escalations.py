"""`desk escalations …`: what needed a person, who has it, and how it got there."""

from dataclasses import replace
from typing import Final

from bot.commands.desk import Desk, whose
from bot.commands.formatting import count_of, left, moment, plural, short_id, short_ids
from bot.core.commands import Call, Command, JsonValue, Output, Parameter, Subject, Table
from bot.core.conversation import EscalationState, Urgency
from bot.core.ids import EscalationId
from bot.core.permissions import Permission
from bot.turns.escaping import known_as
from storage import queries
from storage.keys import why_unreadable
from storage.queries import EscalationLine, EscalationStory

_MOST: Final = 200


def commands(desk: Desk) -> tuple[Command, ...]:
    async def listed(call: Call) -> Output:
        limit = count_of(call.arguments["limit"], "limit", _MOST)
        before = call.arguments["before"]
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            after = None
            if before:
                found = await queries.find_id(connection, known.organization, Subject.ESCALATION, before)
                after = EscalationId(found)
            lines = await queries.escalations(
                connection,
                known.organization,
                open_only=not call.arguments["all"],
                before=after,
                limit=limit,
                scopes=call.scopes,
            )
            problem = await why_unreadable(connection, desk.keys, known.organization)
        return replace(_listed(desk, lines), problem=problem)

    async def show(call: Call) -> Output:
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            id_ = await queries.find_id(
                connection, known.organization, Subject.ESCALATION, call.arguments["escalation"]
            )
            story = await queries.escalation(connection, desk.keys, known.organization, EscalationId(id_))
        return _shown(desk, story)

    parameters = (
        Parameter("all", "Those that are over as well.", "", flag=True),
        Parameter("before", "Go on after this escalation.", "", option=True, names=Subject.ESCALATION),
        Parameter("limit", f"How many, at most {_MOST}.", "20", option=True),
    )
    summary = "The escalations that are open, newest first."
    return (
        Command(
            name="escalations",
            summary=summary,
            permission=Permission.CONVERSATIONS_READ,
            handler=listed,
            parameters=parameters,
            example="--all",
        ),
        Command(
            name="escalations list",
            summary=summary,
            permission=Permission.CONVERSATIONS_READ,
            handler=listed,
            parameters=parameters,
        ),
        Command(
            name="escalations show",
            summary="One escalation: its reason, its clock and its path.",
            permission=Permission.CONVERSATIONS_READ,
            handler=show,
            parameters=(
                Parameter(
                    "escalation", "Its id, or the number of its conversation.", names=Subject.ESCALATION
                ),
            ),
            example="4831-27",
        ),
    )


def _listed(desk: Desk, lines: tuple[EscalationLine, ...]) -> Output:
    shorts = short_ids([line.id for line in lines])
    return Output(
        tables=(
            Table(
                ("escalation", "state", "team", "holder", "trigger", "opened (UTC)", "time left"),
                tuple(
                    (
                        short,
                        _state(line),
                        line.team,
                        line.holder or "-",
                        line.trigger or "-",
                        moment(line.opened_at),
                        _left(desk, line),
                    )
                    for short, line in zip(shorts, lines, strict=True)
                ),
                empty="No escalations.",
            ),
        ),
        data=[_line_data(line) for line in lines],
    )


def _state(line: EscalationLine) -> str:
    """Return the state, with the urgency if that is not normal."""
    return line.state if line.urgency is Urgency.NORMAL else f"{line.state}, {line.urgency}"


def _left(desk: Desk, line: EscalationLine) -> str:
    return left(desk.clock(), line.deadline) if line.state is EscalationState.WAITING else "-"


def _line_data(line: EscalationLine) -> dict[str, JsonValue]:
    return {
        "id": str(line.id),
        "conversation": str(line.conversation),
        "state": line.state.value,
        "agent": line.agent,
        "team": line.team,
        "holder": line.holder,
        "trigger": line.trigger,
        "urgency": line.urgency.value,
        "opened_at": line.opened_at.isoformat(),
        "deadline": line.deadline.isoformat() if line.deadline else None,
        "taken_at": line.taken_at.isoformat() if line.taken_at else None,
        "resolved_at": line.resolved_at.isoformat() if line.resolved_at else None,
    }


def _shown(desk: Desk, story: EscalationStory) -> Output:
    line = story.line
    holder = f", held by {line.holder}" if line.holder else ""
    customer = known_as(story.customer_name, story.customer_address)
    said = [
        f"{line.id}: {_state(line)}, team {line.team}{holder}.",
        f"Customer: {customer}, conversation {short_id(line.conversation)}",
        f"Reason: {story.reason}",
        f"Why: {story.why}" if story.why else "",
        f"Tried: {story.tried}" if story.tried else "",
        f"Opened {moment(line.opened_at)} UTC by {line.agent}; time left: {_left(desk, line)}",
    ]
    return Output(
        text="\n".join(filter(None, said)),
        tables=(
            Table(
                ("at (UTC)", "from", "to", "reason"),
                tuple((moment(step.at), step.from_, step.to, step.reason) for step in story.path),
                title=f"Path: {plural(len(story.path), 'step')}",
                empty="No steps.",
            ),
        ),
        data={
            **_line_data(line),
            "customer_name": story.customer_name,
            "customer_address": story.customer_address,
            "reason": story.reason,
            "why": story.why,
            "tried": story.tried,
            "path": [
                {
                    "timestamp": step.at.isoformat(),
                    "from": step.from_,
                    "to": step.to,
                    "reason": step.reason,
                    "context_snapshot": step.snapshot,
                }
                for step in story.path
            ],
        },
        about=(line.conversation,),
    )

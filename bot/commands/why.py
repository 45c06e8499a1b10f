"""`desk why`: each turn of a conversation, how long it took, who decided and for which reason."""

from bot.commands.desk import Desk, whose
from bot.commands.formatting import count_of, moment, plural
from bot.core.commands import Call, Command, Output, Parameter, Subject, Table
from bot.core.ids import ConversationId
from bot.core.permissions import Permission
from storage import queries
from storage.queries import TurnLine

_MOST = 500
_STAGES = ("load", "decide", "act", "commit")  # in the order of a turn; any others follow


def commands(desk: Desk) -> tuple[Command, ...]:
    async def why(call: Call) -> Output:
        limit = count_of(call.arguments["limit"], "limit", _MOST)
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            found = await queries.find_id(
                connection, known.organization, Subject.CONVERSATION, call.arguments["conversation"]
            )
            turns = await queries.turns(
                connection, desk.keys, known.organization, ConversationId(found), limit=limit
            )
        return _told(ConversationId(found), turns)

    return (
        Command(
            name="why",
            summary="Each turn of a conversation: stages, milliseconds, who decided and why.",
            permission=Permission.CONVERSATIONS_READ,
            handler=why,
            parameters=(
                Parameter(
                    "conversation",
                    "Its number, its id, or the beginning of that.",
                    names=Subject.CONVERSATION,
                ),
                Parameter("limit", f"How many turns, the newest, at most {_MOST}.", "50", option=True),
            ),
            example="4831-27",
        ),
    )


def _told(conversation: ConversationId, turns: tuple[TurnLine, ...]) -> Output:
    return Output(
        text=f"{conversation}: {plural(len(turns), 'turn')}.",
        tables=(
            Table(
                ("started (UTC)", "because of", "stages, ms", "outcome", "who decided, and why"),
                tuple((moment(t.started_at), _because(t), _stages(t), t.outcome, _reasons(t)) for t in turns),
                empty="No turns yet.",
            ),
        ),
        data=[
            {
                "id": str(turn.id),
                "started_at": turn.started_at.isoformat(),
                "inputs": turn.inputs,
                "timers": turn.timers,
                "stages": {name: turn.stages[name] for name in _ordered(turn)},
                "outcome": turn.outcome,
                "reasons": [{"who": who, "why": why} for who, why in turn.reasons],
            }
            for turn in turns
        ],
        about=(conversation,),
    )


def _because(turn: TurnLine) -> str:
    causes = [
        plural(turn.inputs, "event") if turn.inputs else "",
        plural(turn.timers, "timer") if turn.timers else "",
    ]
    return ", ".join(filter(None, causes)) or "-"


def _ordered(turn: TurnLine) -> list[str]:
    known = [name for name in _STAGES if name in turn.stages]
    return known + sorted(set(turn.stages) - set(known))


def _stages(turn: TurnLine) -> str:
    parts = [f"{name} {turn.stages[name]:.1f}" for name in _ordered(turn)]
    return ", ".join((*parts, f"all {sum(turn.stages.values()):.1f}"))


def _reasons(turn: TurnLine) -> str:
    return "\n".join(f"{who}: {why}" if who else why for who, why in turn.reasons) or "-"

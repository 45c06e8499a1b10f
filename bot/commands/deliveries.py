"""`desk deliveries …`: what should have left and has not, and how to send it again."""

from dataclasses import replace
from typing import Final

from bot.commands.desk import Desk, actor, whose
from bot.commands.formatting import count_of, moment, short_ids, since
from bot.core.commands import Call, Command, JsonValue, Output, Parameter, Subject, Table
from bot.core.errors import CommandError
from bot.core.ids import DeliveryId
from bot.core.permissions import Permission
from storage import queries
from storage.audit import AuditEntry, record
from storage.inbox import Inboxes
from storage.keys import why_unreadable
from storage.outbox import Outbox
from storage.queries import DeliveryLine

_MOST: Final = 500


def commands(desk: Desk) -> tuple[Command, ...]:
    async def listed(call: Call) -> Output:
        limit = count_of(call.arguments["limit"], "limit", _MOST)
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            lines = await queries.deliveries(
                connection,
                desk.keys,
                known.organization,
                dead_only=bool(call.arguments["dead"]),
                limit=limit,
                scopes=call.scopes,
            )
            problem = await why_unreadable(connection, desk.keys, known.organization)
        return replace(_listed(desk, lines), problem=problem)

    async def retry(call: Call) -> Output:
        known = await whose(desk, call)
        outbox = Outbox(desk.keys, Inboxes(desk.keys, desk.new_id), desk.new_id)
        async with desk.database.begin(known.organization) as connection:
            found = await queries.find_id(
                connection, known.organization, Subject.DELIVERY, call.arguments["delivery"]
            )
            if not await outbox.again(connection, known.organization, DeliveryId(found)):
                raise CommandError(
                    f"The delivery {found} is not dead, or its customer was erased: only failed and unknown"
                    " ones are sent again."
                )
            entry = AuditEntry(
                id=desk.new_id(),
                at=desk.clock(),
                actor=actor(call),
                action="delivery.retried",
                subject=f"delivery:{found}",
                details={},
            )
            await record(connection, known.organization, [entry])
        await desk.wake_workers()
        return Output(
            text=f"The delivery {found} waits to be sent again.", data={"id": str(found), "state": "waiting"}
        )

    parameters = (
        Parameter("dead", "Only those that will not be tried again.", "", flag=True),
        Parameter("limit", f"How many, at most {_MOST}.", "50", option=True),
    )
    summary = "What has not arrived: failed, unknown and waiting, with every try."
    return (
        Command(
            name="deliveries",
            summary=summary,
            permission=Permission.DELIVERIES_READ,
            handler=listed,
            parameters=parameters,
            example="--dead",
        ),
        Command(
            name="deliveries list",
            summary=summary,
            permission=Permission.DELIVERIES_READ,
            handler=listed,
            parameters=parameters,
        ),
        Command(
            name="deliveries retry",
            summary="Send a dead delivery again. One whose outcome is unknown may arrive twice.",
            permission=Permission.DELIVERIES_RETRY,
            handler=retry,
            parameters=(Parameter("delivery", "Its id, or the beginning of it.", names=Subject.DELIVERY),),
            example="01990a3c",
            writes=True,
        ),
    )


def _listed(desk: Desk, lines: tuple[DeliveryLine, ...]) -> Output:
    now = desk.clock()
    shorts = short_ids([line.id for line in lines])
    return Output(
        tables=(
            Table(
                ("delivery", "state", "what", "by", "tries", "reason", "age"),
                tuple(
                    (
                        short,
                        line.state,
                        f"{line.kind} to {'staff' if line.to_staff else 'the customer'}",
                        f"{line.channel} {line.account}",
                        _tries(line),
                        line.error or "-",
                        since(now, line.created_at),
                    )
                    for short, line in zip(shorts, lines, strict=True)
                ),
                empty="Everything has arrived.",
            ),
        ),
        data=[_line_data(line) for line in lines],
        about=tuple(line.conversation for line in lines),
    )


def _tries(line: DeliveryLine) -> str:
    last = line.tries[-1] if line.tries else None
    return f"{line.attempts}, last {moment(last.at)}: {last.outcome}" if last else str(line.attempts)


def _line_data(line: DeliveryLine) -> dict[str, JsonValue]:
    return {
        "id": str(line.id),
        "state": line.state,
        "kind": line.kind,
        "to": "staff" if line.to_staff else "customer",
        "channel": line.channel,
        "account": line.account,
        "conversation": str(line.conversation),
        "attempts": line.attempts,
        "error": line.error,
        "created_at": line.created_at.isoformat(),
        "tries": [
            {"attempt": t.attempt, "at": t.at.isoformat(), "outcome": t.outcome, "reason": t.reason}
            for t in line.tries
        ],
    }

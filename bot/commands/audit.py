"""`desk audit …`: who did what, and whether somebody has changed the audit log."""

from typing import Final

from bot.commands.desk import Consent, Desk, actor, whose
from bot.commands.formatting import count_of, moment
from bot.core.commands import Call, Command, Output, Parameter, Table
from bot.core.errors import BadUsage
from bot.core.permissions import Permission
from storage.anchors import compare, head_of
from storage.audit import AuditEntry, AuditLine, ChainVerdict, Detail, Link, record
from storage.audit import tail as read_tail

_MOST: Final = 1_000
_HASH_DIGITS: Final = 64
_DETAIL: Final = 40  # characters; the table shortens a longer value


def commands(desk: Desk) -> tuple[Command, ...]:
    async def verify(call: Call) -> Output:
        noted = [_noted(call.arguments["noted"])] if call.arguments["noted"] else []
        known = await whose(desk, call)
        compared = await compare(desk.database, desk.anchors, known.organization, noted)
        verdict = compared.verdict
        return Output(
            text=f"{verdict.sentence}\n{compared.against}",
            data={
                "ok": compared.whole,
                "sealed": verdict.sealed,
                "unsealed": verdict.unsealed,
                "first_broken": verdict.first_broken,
                "entry": str(verdict.audit_id) if verdict.audit_id else None,
                "what": verdict.what,
                "sentence": verdict.sentence,
                "against": compared.against,
            },
            ok=compared.whole,
        )

    async def anchor(call: Call) -> Output:
        known = await whose(desk, call)
        compared = await compare(desk.database, desk.anchors, known.organization)
        loss = (
            f"{compared.verdict.sentence} {compared.against} Where the chain ends now becomes what it is"
            " compared with: what is missing from it, is missing unnoticed from then on."
        )
        question = "Begin anew from where the chain ends now?"
        reply = Consent.INSISTED if call.arguments["yes"] else await desk.confirm(loss, question)
        if not reply.go_on:
            return Output(
                text=f"{loss} Nothing was changed. To do it without being asked, add `--yes`.", ok=False
            )
        async with desk.database.begin(known.organization) as connection:
            await record(connection, known.organization, [_begun_anew(desk, call, compared.verdict)])
            head = await head_of(connection, known.organization)
        if head is None:
            return Output(text="The audit chain has no link yet: there is nothing to begin from.", ok=False)
        written = await desk.anchors.begin_anew(head)
        return Output(text=f"The audit chain is compared with link {written['position']} from now on.")

    async def tail(call: Call) -> Output:
        limit = count_of(call.arguments["limit"], "limit", _MOST)
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            lines = await read_tail(connection, known.organization, limit)
        return _tail(lines)

    return (
        Command(
            name="audit verify",
            summary="Compare the audit log with its chain, and the chain's end with what is noted elsewhere.",
            permission=Permission.AUDIT_READ,
            handler=verify,
            parameters=(
                Parameter(
                    "noted", "A link noted earlier, POSITION:HASH, must still be there.", "", option=True
                ),
            ),
        ),
        Command(
            name="audit anchor",
            summary="After a backup was restored: compare the audit chain with where it ends now.",
            permission=Permission.AUDIT_RESTART,
            shell_only=True,
            handler=anchor,
            parameters=(Parameter("yes", "Without being asked.", flag=True),),
        ),
        Command(
            name="audit tail",
            summary="The newest entries of the audit log.",
            permission=Permission.AUDIT_READ,
            handler=tail,
            parameters=(Parameter("limit", f"How many, at most {_MOST}.", "20", option=True),),
            example="--limit 50",
        ),
    )


def _begun_anew(desk: Desk, call: Call, verdict: ChainVerdict) -> AuditEntry:
    return AuditEntry(
        id=desk.new_id(),
        at=desk.clock(),
        actor=actor(call),
        action="audit.anchored",
        subject="audit",
        details={"whole": verdict.ok, "sealed": verdict.sealed},
    )


def _noted(text: str) -> Link:
    position, _, digits = text.partition(":")
    try:
        if len(digits) != _HASH_DIGITS:
            raise ValueError(digits)
        return Link(count_of(position, "noted", 999_999_999), bytes.fromhex(digits))
    except ValueError:
        raise BadUsage(
            f"--noted is {text[:20]!r}: it must be POSITION:HASH as `audit tail` shows it with --json."
        ) from None


def _brief(value: Detail) -> str:
    text = str(value)
    return text if len(text) <= _DETAIL else f"{text[:12]}…"


def _tail(lines: tuple[AuditLine, ...]) -> Output:
    return Output(
        tables=(
            Table(
                ("at (UTC)", "who", "did", "to", "details", "link"),
                tuple(
                    (
                        moment(line.entry.at),
                        line.entry.actor,
                        line.entry.action,
                        line.entry.subject,
                        ", ".join(f"{key}={_brief(value)}" for key, value in line.entry.details.items()),
                        f"{line.link.position}:{line.link.hash.hex()[:8]}" if line.link else "waiting",
                    )
                    for line in lines
                ),
                empty="Nothing was done yet.",
            ),
        ),
        data=[
            {
                "id": str(line.entry.id),
                "at": line.entry.at.isoformat(),
                "actor": line.entry.actor,
                "action": line.entry.action,
                "subject": line.entry.subject,
                "details": dict(line.entry.details),
                "link": f"{line.link.position}:{line.link.hash.hex()}" if line.link else None,
            }
            for line in lines
        ],
    )

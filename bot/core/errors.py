"""All errors raised on purpose. Each field of an error has one audience.

DeskError
├── SettingsError          the program cannot start as it is configured
├── ProcessBroken          a part of the process ended by itself: end the process, and log it
├── ForgedRequest          refuse: 401
├── MalformedPayload       refuse: 400, tell operators
├── BodyTooLarge           refuse: 413
├── UnknownAccount         nobody here owns that account: 404, tell operators
├── StorageUnavailable     the database cannot be reached: wait and try again
│   ├── LoginRefused       it refuses the login: the user, the password or the database's name is wrong
│   ├── DiskFull           its disk is full
│   ├── SchemaMissing      it was never migrated
│   ├── SchemaOlder        its schema is older than this program's
│   └── SchemaNewer        its schema is newer than this program's
├── PlaceMoved             a conversation was moved since it was looked up: undo, and begin again
├── FileTooLarge           an attachment is larger than what is stored
├── FileInfected           the virus scanner found something in an attachment
├── StaleLease             another worker has the conversation now: undo, and leave it to them
├── Superseded             the customer wrote again while an answer was being made: undo, and begin again
├── TurnFailed             a turn failed for a reason that is ours
├── AnswererUnavailable    whoever should answer cannot be reached: wait and try again
├── KeyDestroyed           the customer was erased: what they wrote cannot be read any more
├── KeysRemain             a destroyed key may still be in the pages of its table
├── CannotDecrypt          no known key decrypts this text
├── AnchorForged           a note of where the audit chain stood was not signed by us
├── InvalidOrganization    the organization file has errors
├── CommandError           a person asked for something that cannot be done
│   ├── UnknownCommand
│   ├── BadUsage
│   ├── NotAllowed
│   └── NotFound
└── SendError              the platform did not accept a delivery
    ├── RateLimited        wait as long as it says
    ├── PlatformDown       5xx, resets, time-outs before the request was sent: try again
    ├── OutcomeUnknown     the request went out and no answer came back: never repeat blindly
    ├── Unreachable        this customer cannot be reached: they blocked us, or are gone
    ├── WindowClosed       no free text is accepted before the customer writes again: hold it
    ├── PlaceGone          the room's thread or card does not exist any more: somebody deleted it
    ├── PersonAway         whoever should notice this in time will not: deactivated, or on Do Not Disturb
    ├── AccountSuspended   the account itself cannot send: token expired, blocked; alarm, and hold the rest
    └── Refused            the platform will never accept this as it is
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import ClassVar


class DeskError(Exception):
    """The base of all errors raised on purpose.

    `str(error)` is for operators: ids and codes, never message text. `customer_text` is safe to send.
    """

    code: ClassVar[str] = "desk"
    customer_text: str = "Something went wrong on our side. Please try again."
    retry_after: timedelta | None = None  # None: trying again cannot help


class SettingsError(DeskError):
    code = "settings.invalid"


class ProcessBroken(DeskError):
    code = "process.broken"


class ForgedRequest(DeskError):
    code = "request.forged"


class MalformedPayload(DeskError):
    code = "request.malformed"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class BodyTooLarge(DeskError):
    code = "request.too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request body is larger than the {limit} bytes that are accepted")


class UnknownAccount(DeskError):
    code = "account.unknown"

    def __init__(self, channel: str, account: str) -> None:
        super().__init__(
            f"no organization owns the {channel} account {account!r}: name it under `accounts` in the"
            " organization file and apply it, or remove the webhook at the platform"
        )


class StorageUnavailable(DeskError):
    code = "storage.unavailable"
    retry_after = timedelta(seconds=1)


class LoginRefused(StorageUnavailable):
    code = "storage.login_refused"


class DiskFull(StorageUnavailable):
    code = "storage.disk_full"


class SchemaMissing(StorageUnavailable):
    code = "schema.missing"


class SchemaOlder(StorageUnavailable):
    code = "schema.older"


class SchemaNewer(StorageUnavailable):
    code = "schema.newer"


class PlaceMoved(DeskError):
    """A conversation was moved since it was looked up. Nothing was written."""

    code = "place.moved"
    retry_after = timedelta()


class FileTooLarge(DeskError):
    code = "file.too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"larger than {limit // 1024 // 1024} MB")


class FileInfected(DeskError):
    code = "file.infected"

    def __init__(self, found: str) -> None:
        super().__init__(f"the virus scanner found {found}")


class StaleLease(DeskError):
    code = "lease.stale"

    def __init__(self, subject: object) -> None:
        super().__init__(f"the lease of {subject} has passed to another worker; nothing was committed")


class Superseded(DeskError):
    code = "turn.superseded"
    retry_after = timedelta()


class TurnFailed(DeskError):
    code = "turn.failed"


class AnswererUnavailable(DeskError):
    code = "answerer.unavailable"
    retry_after = timedelta(seconds=5)


class KeyDestroyed(DeskError):
    code = "key.destroyed"

    def __init__(self, customer: object) -> None:
        super().__init__(f"the data key of customer {customer} was destroyed: their texts are gone for ever")


class KeysRemain(DeskError):
    code = "keys.remain"


class CannotDecrypt(DeskError):
    code = "key.mismatch"


class AnchorForged(DeskError):
    code = "audit.anchor_forged"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The anchor {name} was not signed with ENCRYPTION_KEY: somebody wrote it there, or took ours"
            " away, or the key that signed it is not among those the program has."
        )


class InvalidOrganization(DeskError):
    code = "organization.invalid"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class CommandError(DeskError):
    """A command cannot be carried out. `str(error)` is shown to the person who asked."""

    code = "command.failed"


class UnknownCommand(CommandError):
    code = "command.unknown"

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name = name[:40].replace("`", "'")
        near = get_close_matches(name, known, n=1) or get_close_matches(name.partition(" ")[0], known, n=1)
        self.suggestion = near[0] if near else ""
        super().__init__(self.sentence("desk"))

    def sentence(self, prefix: str) -> str:
        """Return what is wrong, with the command that was probably meant as it is typed after `prefix`."""
        if self.suggestion:
            return f"There is no `{self.name}`. Did you mean `{prefix} {self.suggestion}`?"
        return f"There is no `{self.name}`. `{prefix} help` lists what there is."


class BadUsage(CommandError):
    code = "command.usage"


class NotAllowed(CommandError):
    code = "command.not_allowed"


class NotFound(CommandError):
    code = "command.not_found"

    def __init__(self, what: str, reference: str) -> None:
        super().__init__(f"There is no {what} {reference[:60]!r} in this organization.")


class SendError(DeskError):
    """The platform did not accept a delivery. `reason` is the platform's own code, shown to staff."""

    code = "send.failed"

    def __init__(self, reason: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        if retry_after is not None:
            self.retry_after = retry_after


class RateLimited(SendError):
    """The account or chat sends too fast. `growth` multiplies the wait at each try, if the platform asks."""

    code = "send.rate_limited"
    retry_after = timedelta(seconds=1)

    def __init__(self, reason: str, *, retry_after: timedelta | None = None, growth: float = 1.0) -> None:
        super().__init__(reason, retry_after=retry_after)
        self.growth = growth


class PlatformDown(SendError):
    code = "send.platform_down"
    retry_after = timedelta(seconds=1)


class OutcomeUnknown(SendError):
    code = "send.outcome_unknown"


class Unreachable(SendError):
    code = "send.unreachable"


class WindowClosed(SendError):
    code = "send.window_closed"


class PlaceGone(SendError):
    code = "send.place_gone"


class PersonAway(SendError):
    """A person will not notice a call in time. `reason` continues their name: "is deactivated in Slack"."""

    code = "send.person_away"


class AccountSuspended(SendError):
    code = "send.account_suspended"
    retry_after = timedelta(minutes=5)


class Refused(SendError):
    code = "send.refused"

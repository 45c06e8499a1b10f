"""The organization file as frozen values.

Every value is complete: what the file leaves out has its default. Names given as text (a team's id in a rule,
a person's in a team) are checked by `orgs.checking`, because only there the line to complain about is known.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from bot.core.conversation import Urgency
from orgs.specification.fields import (
    Duration,
    Emoji,
    ExternalId,
    Fields,
    Fraction,
    Line,
    Name,
    Pattern,
    Phrase,
    Prose,
    Rate,
    TimeZone,
)
from orgs.specification.hours import Hours
from orgs.specification.texts import Texts, only_places


class Serves(StrEnum):
    CUSTOMERS = "customers"
    STAFF = "staff"


class AgentRole(StrEnum):
    PRIMARY = "primary"  # meets the customer first
    SPECIALIST = "specialist"  # gets conversations from other agents


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A channel of an account. Without `account`: the staff's account. Without `channel`: all of the account.

    Written `"#escalation"`, `telegram` or `slack: "#escalation"`.
    """

    account: str = ""
    channel: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.account, self.channel)))


def _parse_channel(value: object) -> ChannelRef:
    match value:
        case ChannelRef():
            return value
        case str() if value.startswith("#") and 1 < len(value) <= 128:
            return ChannelRef(channel=value)
        case str() if value and len(value) <= 64 and ":" not in value:
            return ChannelRef(account=value)
        case dict() if len(value) == 1:
            ((account, channel),) = value.items()
            if isinstance(channel, int) and not isinstance(channel, bool):
                channel = str(channel)
            if account and isinstance(channel, str) and 0 < len(channel) <= 128:
                return ChannelRef(account=str(account), channel=channel)
    raise PydanticCustomError(
        "channel", 'a channel: "#name", the id of an account, or the two as in slack: "#name"'
    )


def _write_channel(ref: ChannelRef) -> str | dict[str, str]:
    return {ref.account: ref.channel} if ref.account and ref.channel else ref.account or ref.channel


def _one_or_many(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _environment_name(value: object) -> str:
    """Return the name of an environment variable.

    The error does not show the value, because it may be the secret itself.
    """
    if isinstance(value, str) and 0 < len(value) <= 64 and _looks_like_a_variable(value):
        return value
    raise PydanticCustomError(
        "secret.value", "the name of an environment variable, in capitals, that holds the secret"
    )


# The program's own environment variables, which no account may read.
_PROGRAM = frozenset({"DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEY", "FILES_URL", "SCAN_COMMAND"})
_PROGRAMS = ("AWS_", "DESK_", "PG", "METRICS_")


def _environment_name_of_an_account(value: object) -> str:
    """Return the name of an environment variable. Refuse names of the program's own settings.

    An account's server would receive what such a setting holds.
    """
    name = _environment_name(value)
    if name in _PROGRAM or name.startswith(_PROGRAMS):
        raise PydanticCustomError("secret.reserved", "another name: this is a setting of the program itself")
    return name


def is_secret_name(value: str) -> bool:
    """Return whether an account may use this name for a secret."""
    try:
        _environment_name_of_an_account(value)
    except PydanticCustomError:
        return False
    return True


def _looks_like_a_variable(value: str) -> bool:
    return value.isascii() and value.upper() == value and value.isidentifier() and not value.startswith("__")


Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
ChannelField = Annotated[ChannelRef, PlainValidator(_parse_channel), PlainSerializer(_write_channel)]
ChannelList = Annotated[tuple[ChannelField, ...], BeforeValidator(_one_or_many)]
EnvironmentName = Annotated[str, PlainValidator(_environment_name_of_an_account)]


class SpeaksAs(StrEnum):
    """The name under which a person's messages reach the customer, if the channel shows one."""

    ORGANIZATION = "organization"
    PERSON = "person"


class Identity(Fields):
    """The organization as it appears to customers, whoever answers."""

    display_name: Line | None = None  # None: the organization's name
    voice: Prose = "Friendly, plain and to the point."
    signature: Prose = ""
    speaks_as: SpeaksAs = SpeaksAs.ORGANIZATION


class Limits(Fields):
    """Messages per second. None: the platform's published limit, which the connector knows."""

    per_second: Rate | None = None
    per_chat_per_second: Rate | None = None


BLANK = re.compile(r"\{\{\s*(\w+)\s*\}\}", re.ASCII)


class MessageTemplate(Fields):
    """A message that the platform has approved, for use when its window for free text is closed.

    `text` is its approved body, with {{1}}, {{2}}, … for the `parameters`. Each parameter is a text, which
    may have the places {customer}, {person}, {team}, {organization}. Named blanks ({{first_name}}) are filled
    in the order in which they first occur. `id` is the platform's name of the template.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "en"
    text: Annotated[str, Field(min_length=1, max_length=1024)]
    parameters: tuple[
        Annotated[
            str,
            Field(min_length=1, max_length=200),
            only_places("customer", "person", "team", "organization"),
        ],
        ...,
    ] = ()

    @property
    def blanks(self) -> tuple[str, ...]:
        """Return the numbers or names of the blanks, in the order of the `parameters`."""
        found = tuple(dict.fromkeys(BLANK.findall(self.text)))
        numbered = found and all(blank.isdecimal() for blank in found)
        return tuple(sorted(found, key=int)) if numbered else found


class Account(Fields):
    """One connection of the organization to a channel. `channel` is the name of a connector.

    `mode`, `secrets` and `options` are what the connector asks for (docs/channels.md lists them). `secrets`
    are names of environment variables, never the secrets themselves. `mode` None is the channel's usual one.
    `addresses` names the agent or team that gets a new conversation written to that address. Conversations to
    other addresses begin with the account's agent. An address with a tag (`help+vip@example.com`) takes
    precedence over the one without.
    """

    id: Name
    channel: Name
    serves: Serves
    mode: Name | None = None
    secrets: dict[Name, EnvironmentName] = Field(default_factory=dict)
    options: dict[Name, Annotated[str, Field(max_length=500)]] = Field(default_factory=dict)
    templates: tuple[MessageTemplate, ...] = ()
    limits: Limits = Limits()
    groups: tuple[ExternalId, ...] = ()  # group chats to listen in; all others are ignored
    addresses: dict[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)], Name] = Field(
        default_factory=dict
    )


class OwnConversations(StrEnum):
    """The conversations that a person handles, or is asked to."""

    OWN = "own"


class RoleScope(Fields):
    """The conversations for which a role grants something. Empty fields do not limit it.

    `team`: those of these teams. `channel`: those whose customer writes on these channels or accounts.
    """

    team: Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)] = ()
    channel: Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)] = ()
    conversation: OwnConversations | None = None


class PersonRole(Fields):
    """A role that people can have, beside those that every organization has (see `orgs.roles`).

    It grants what it lists under `may` (a permission, all of a noun as in `customers.*`, or `*`) and what the
    roles grant that it `includes`. Its `scope` limits all of that.
    """

    id: Name
    name: Line | None = None
    includes: tuple[Name, ...] = ()
    may: tuple[Annotated[str, Field(max_length=64)], ...] = ()
    scope: RoleScope = RoleScope()


class Person(Fields):
    """A human on staff. `roles` name shipped roles or those of the file.

    Each further key is a channel of the staff, with the person's user id there, or the address that it has
    verified (`slack: U0HUGO0008`, `telegram: "7100000001"`).
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ExternalId | None] = Field(init=False)

    id: Name
    name: Line
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)] | None = None
    roles: tuple[Name, ...] = ("staff",)

    def on(self, channel: str) -> str | None:
        """Return the person's id on that channel, or None."""
        return self.known_on.get(channel)

    @property
    def known_on(self) -> Mapping[str, str]:
        """Return the person's ids, by channel."""
        return {channel: name for channel, name in self.__pydantic_extra__.items() if name}


class TeamChannels(Fields):
    """The channels of a team. The first of each list is the usual one."""

    public: ChannelList = ()
    private: ChannelList = ()
    escalation: ChannelList = ()
    training: ChannelList = ()


class Team(Fields):
    """Agents and people who share a queue. `aliases` are further names that rules may use as a target."""

    id: Name
    name: Line
    aliases: tuple[Name, ...] = ()
    purpose: Prose = ""
    people: tuple[Name, ...] = ()
    agents: tuple[Name, ...] = ()
    channels: TeamChannels = TeamChannels()
    ladder: Name | None = None  # None: the usual ladder, see `orgs.routing.ladder_for`
    hours: Hours | None = None  # None: the organization's


class EscalationRule(Fields):
    """A rule: when `trigger` is met, the conversation goes to `target`, a team, a person or another agent.

    `timeout` is how long the target has to take it before the next step of the ladder. None: as long as that
    step says. `immediate`: try no answer and no clarifying question first, do not wait for the team's hours,
    and give the escalation high urgency at least.
    """

    trigger: Name
    target: Name
    timeout: Duration | None = None
    immediate: bool = False


class SuccessMetrics(Fields):
    """The measures of an agent's success."""

    response_time: Duration | None = None
    first_contact_resolution: Fraction | None = None
    satisfaction: Annotated[float, Field(ge=1, le=5)] | None = None  # stars, 1 to 5


class Agent(Fields):
    """The specification of an AI worker. Empty `knowledge` means all of the organization's."""

    id: Name
    name: Line | None = None
    role: AgentRole = AgentRole.SPECIALIST
    specialization: Prose = ""
    description: Prose = ""
    scope: Prose = ""
    channels: ChannelList = ()
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")] = "grounded"
    knowledge: tuple[Name, ...] = ()
    voice: Prose = ""  # empty: the organization's
    escalation_rules: tuple[EscalationRule, ...] = ()
    success_metrics: SuccessMetrics = SuccessMetrics()

    @property
    def title(self) -> str:
        """Return the name shown to staff: `name`, or the words of the id."""
        return self.name or self.id.replace("-", " ").replace("_", " ").title()


class LadderStep(Fields):
    """A step of a ladder: if nobody takes the escalation for `after`, `target` (a team or a person) is
    called, too.

    The time counts from the previous step. For the first step it counts from the escalation, unless the rule
    has a `timeout`. `reminder`: how long after the call the target is reminded once.
    """

    target: Name
    after: Duration
    reminder: Duration | None = None


class Ladder(Fields):
    """The steps that follow when nobody takes an escalation, after the team that it was sent to."""

    id: Name
    reminder: Duration | None = None  # for the team that it was sent to
    steps: Annotated[tuple[LadderStep, ...], Field(min_length=1)]


class Trigger(Fields):
    """A named reason to escalate. A message meets it by a phrase or a pattern, in upper or lower case.

    Phrases may be in several languages: all are searched for, whatever language a message is in. Bars give
    alternatives for a word: `charged|billed twice|again` stands for four phrases.

    `urgency` is the urgency of the escalation. High stands out on the card and in lists. Critical also does
    not wait for the team's hours, as if every rule for the trigger were `immediate`.
    """

    id: Name
    description: Prose = ""
    urgency: Urgency = Urgency.NORMAL
    phrases: tuple[Phrase, ...] = ()
    patterns: tuple[Pattern, ...] = ()


class KnowledgeFolder(Fields):
    """A folder of Markdown articles, relative to the organization file."""

    id: Name
    path: Line
    description: Prose = ""


class Reopened(StrEnum):
    """The one who gets a customer who writes again after a person marked their conversation as solved."""

    TEAM = "team"  # the team that resolved it
    AGENT = "agent"


class Policies(Fields):
    """The organization's settings.

    `undo`: how long a holder's message waits before it is sent. `languages`: BCP 47 tags, the default first.

    `reactions`: the emoji that reach the customer when the holder puts one on the customer's message. All
    others stay inside.

    `texts`: by language, the fixed texts to customers that replace the shipped ones.

    `automatic_replies_per_hour`: how many automatic replies one address gets, over all conversations, on
    channels where a program may be at the other end. `outside_window`: what happens to an agent's message
    when the channel takes no free text: "hold", or the id of a template that asks the customer to write.
    `reopened`: who gets a conversation that a person resolved, when the customer writes again within the
    `reopen_window`.

    `customer_messages_per_minute`, `account_messages_per_minute`: messages above this rate are kept, and
    wait. A customer's burst becomes one post in a room, and one question to an agent. A burst of all senders
    of an account delays agents only: conversations that people have taken continue.
    """

    undo: Annotated[Duration, Field(le=timedelta(minutes=5))] = timedelta(seconds=5)
    reactions: Annotated[tuple[Emoji, ...], Field(max_length=20)] = ("👍", "❤️", "🙏", "🎉")
    automatic_replies_per_hour: Annotated[int, Field(ge=1, le=1000)] = 6
    outside_window: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")] = "hold"
    reopened: Reopened = Reopened.TEAM
    customer_messages_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 30
    account_messages_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 3000
    max_turn_attempts: Annotated[int, Field(ge=1, le=20)] = 5
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("en",)
    texts: dict[Language, Texts] = Field(default_factory=dict)


class Organization(Fields):
    """The tenant: one identity towards customers, and everything behind it."""

    name: Annotated[Line, Field(alias="organization")]
    description: Prose = ""
    identity: Identity = Identity()
    time_zone: TimeZone = "UTC"
    accounts: tuple[Account, ...] = ()
    roles: tuple[PersonRole, ...] = ()  # beside the shipped ones
    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()
    agents: Annotated[tuple[Agent, ...], Field(min_length=1)]
    triggers: tuple[Trigger, ...] = ()
    escalation_rules: tuple[EscalationRule, ...] = ()  # for triggers without a rule of the agent's own
    escalation_team: Name | None = None  # None: the first team with an escalation channel
    hours: Hours | None = None  # None: always open
    ladders: tuple[Ladder, ...] = ()
    knowledge: tuple[KnowledgeFolder, ...] = ()
    quiet_window: Annotated[Duration, Field(le=timedelta(minutes=1))] = timedelta(milliseconds=800)
    burst_cap: Annotated[int, Field(ge=1, le=100)] = 8  # messages of a burst that end the wait
    reopen_window: Duration = timedelta(hours=24)
    policies: Policies = Policies()

    @property
    def display_name(self) -> str:
        """Return the organization's name as customers see it."""
        return self.identity.display_name or self.name

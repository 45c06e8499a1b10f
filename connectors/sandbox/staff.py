"""The people and channels of the sandbox's Slack workspace."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.sandbox.slack import Channel, User

NIGHT_WATCH = "Brightdesk night watch"  # the staff's group on Telegram


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """A channel that exists from the start. `members` are user ids or names; the app is always a member."""

    name: str
    private: bool = False
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Staff:
    users: tuple[User, ...]
    channels: tuple[ChannelPlan, ...]
    on_telegram: tuple[str, ...] = ()  # names of the people in the staff's group there

    def member_ids(self, plan: ChannelPlan, bot_user: str) -> list[str]:
        by_name = {user.name: user.id for user in self.users}
        return [*(by_name.get(member, member) for member in plan.members), bot_user]

    def wire_channels(self, *, created: int, bot_user: str) -> list[Channel]:
        return [
            Channel(
                id=f"C0SANDBOX{number:02d}",
                name=plan.name,
                created=created,
                creator=bot_user,
                is_private=plan.private,
                members=self.member_ids(plan, bot_user),
            )
            for number, plan in enumerate(self.channels, start=1)
        ]


def sample_staff() -> Staff:
    """Return the people and channels that the sample organization of a SaaS company names."""
    people = (
        ("U0ANNA0001", "anna", "Anna Lindqvist"),
        ("U0BEN00002", "ben", "Ben Okafor"),
        ("U0CARLA003", "carla", "Carla Mendes"),
        ("U0DENIZ004", "deniz", "Deniz Yilmaz"),
        ("U0ELENA005", "elena", "Elena Petrova"),
        ("U0FARID006", "farid", "Farid Haddad"),
        ("U0GRACE007", "grace", "Grace Kim"),
        ("U0HUGO0008", "hugo", "Hugo Martin"),
    )
    teams: dict[str, tuple[str, ...]] = {
        "tier-1": ("carla", "deniz"),
        "tier-1-escalations": ("carla", "deniz"),
        "technical-team": ("elena", "farid"),
        "technical-escalations": ("elena", "farid"),
        "success-team": ("grace", "hugo"),
        "success-escalations": ("grace", "hugo"),
        "billing-team": ("hugo", "carla"),
        "billing-escalations": ("hugo", "carla"),
        "supervisors": ("ben", "grace"),
        "escalation": ("ben", "grace"),
        "agent-training": ("carla", "deniz", "grace"),
    }
    everyone = tuple(name for _, name, _ in people)
    open_to_all = ("general", "onboarding", "technical")
    users = tuple(
        User(
            id=id, name=name, real_name=real_name, email=f"{name}@brightdesk.example", is_admin=name == "anna"
        )
        for id, name, real_name in people
    )
    public = tuple(ChannelPlan(name, members=everyone) for name in open_to_all)
    private = tuple(ChannelPlan(name, private=True, members=("anna", *who)) for name, who in teams.items())
    night = tuple(real_name for _, name, real_name in people if name in ("farid", "grace"))
    return Staff(users, public + private, night)


def read_staff(path: Path) -> Staff:
    """Read staff from a JSON file: {"users": [{"id", "name", "real_name", "email"}], "channels": [{"name",
    "private", "members"}]}.

    Raise ValueError that names the file if it is anything else.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        users = tuple(User(**user) for user in read["users"])
        channels = tuple(_channel_plan(channel) for channel in read["channels"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} does not describe staff: {type(error).__name__}: {error}") from error
    return Staff(users, channels)


def _channel_plan(channel: dict[str, object]) -> ChannelPlan:
    members = channel.get("members", [])
    if not isinstance(members, Sequence) or isinstance(members, str):
        raise TypeError("members is a list")
    return ChannelPlan(str(channel["name"]), bool(channel.get("private", False)), tuple(map(str, members)))

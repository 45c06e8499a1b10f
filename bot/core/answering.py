"""How an agent is asked for an answer. The keyless answerer and every language model stand behind this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.events import AttachmentKind
from bot.core.ids import AgentId, OrgId


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story, oldest first. `speaker` is customer, agent, person or system."""

    speaker: str
    text: str
    # What it answers, whose words it passes on, what came with it: "in reply to “…”", "forwarded from …".
    about: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A rule of the agent's specification, ready to be matched."""

    name: str  # "billing_inquiry"
    description: str = ""
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()  # regular expressions, as the organization file checked them


@dataclass(frozen=True, slots=True)
class Option:
    """A button of a clarifying question; `value` comes back in `Question.picked`."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the customer wants to know now, and all an answerer may use."""

    organization: OrgId
    organization_name: str
    agent: AgentId
    agent_name: str
    voice: str
    scope: str
    knowledge: tuple[str, ...]  # the names of the knowledge collections this agent may use; () is all
    triggers: tuple[Trigger, ...]
    story: tuple[Line, ...]  # before the new messages
    # The words of the customer's new messages, in order: taps, also typed ones, as their labels, and "" where
    # something came without words.
    messages: tuple[str, ...]
    about: tuple[str, ...] = ()  # of each of them what `Line.about` says
    wordless: tuple[AttachmentKind | None, ...] = ()  # what came without words; None: no file and no fact
    called: bool = False  # and nobody answered: what they called about is not known
    picked: str = ""  # the value of the button of ours that the customer tapped last
    offered: tuple[Option, ...] = ()  # of our last question, while none of them is picked
    misses: int = 0  # questions in a row which could not be answered
    language: str = "en"  # BCP 47: in which the customer is answered
    replies: Mapping[str, str] = field(default_factory=dict)  # our fixed texts in it, by name
    verified: bool = True  # False: nobody vouches for who this is; nothing personal may be disclosed


@dataclass(frozen=True, slots=True)
class Answered:
    """Markdown to the customer. `sources` are the articles it rests on; `why` is for `desk why`."""

    text: str
    why: str
    sources: tuple[str, ...] = ()
    settled: bool = True  # False: courtesy only (a greeting, thanks), the count of misses stays


@dataclass(frozen=True, slots=True)
class Clarify:
    """One question back, with up to three options."""

    text: str
    options: tuple[Option, ...]
    why: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """The agent may not or cannot answer. `trigger` names the rule that fired; "" when none did."""

    reason: str  # for staff: one sentence
    why: str
    trigger: str = ""
    tried: str = ""  # what the agent looked for or offered before


Answer = Answered | Clarify | HandOver


class Answerer(Protocol):
    """Stateless; may be cancelled at any time. Raises AnswererUnavailable when it cannot be reached."""

    async def answer(self, question: Question) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of an article that fits a query."""

    article: str  # the slug
    title: str
    heading: str
    text: str  # Markdown
    rank: float  # higher is better; comparable within one search
    coverage: float = 0.0  # share of the query's words that occur, 0..1


class ArticleSearch(Protocol):
    """The organization's articles, searched. Implemented in storage on PostgreSQL's full-text search."""

    async def search(
        self, organization: OrgId, query: str, *, collections: Sequence[str] = (), limit: int = 8
    ) -> Sequence[Passage]:
        """The best passages first; sections of the articles' current versions. Any text is a safe query."""

    async def section(self, organization: OrgId, article: str) -> Sequence[Passage]:
        """All sections of one article in reading order; empty if there is no such article."""

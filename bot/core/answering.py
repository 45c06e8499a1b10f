"""Define how an agent is asked for an answer. The keyless answerer implements it, as will language models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.events import AttachmentKind
from bot.core.ids import AgentId, OrgId


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A line of the story, which is told oldest first. `speaker` is customer, agent, person or system."""

    speaker: str
    text: str
    # What the line answers, from where it was forwarded, what came with it: "in reply to “…”".
    about: str = ""


@dataclass(frozen=True, slots=True)
class AgentTrigger:
    """A rule of the agent's specification, ready to be matched."""

    name: str  # "billing_inquiry"
    description: str = ""
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()  # regular expressions, which were checked with the organization file


@dataclass(frozen=True, slots=True)
class Option:
    """A button of a clarifying question; `value` comes back in `Question.picked`."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The customer's question now, and everything that an answerer may use."""

    organization: OrgId
    organization_name: str
    agent: AgentId
    agent_name: str
    voice: str
    scope: str
    knowledge: tuple[str, ...]  # the names of the knowledge collections this agent may use; () is all
    triggers: tuple[AgentTrigger, ...]
    story: tuple[StoryLine, ...]  # before the new messages
    # The texts of the customer's new messages, in order. A tap, or a choice that was typed, is its label.
    # A message without text is "".
    messages: tuple[str, ...]
    about: tuple[str, ...] = ()  # for each of them the same as `Line.about`
    wordless: tuple[AttachmentKind | None, ...] = ()  # what came without text; None: no file and no fact
    called: bool = False  # they called and nobody answered: the reason of the call is not known
    picked: str = ""  # the value of the button that the customer tapped last
    offered: tuple[Option, ...] = ()  # the options of our last question, while none is picked
    misses: int = 0  # questions in a row that could not be answered
    language: str = "en"  # BCP 47; the language of the answer
    replies: Mapping[str, str] = field(default_factory=dict)  # our fixed texts in that language, by name
    verified: bool = True  # False: the customer's identity is unverified; disclose nothing personal


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to the customer, in Markdown. `sources` are its articles; `why` is shown by `desk why`."""

    text: str
    why: str
    sources: tuple[str, ...] = ()
    settled: bool = True  # False: only a greeting or thanks, which leaves the count of misses as it is


@dataclass(frozen=True, slots=True)
class Clarify:
    """A question back to the customer, with up to three options."""

    text: str
    options: tuple[Option, ...]
    why: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """The agent may not or cannot answer. `trigger` names the rule that fired; "" when none did."""

    reason: str  # for staff: one sentence
    why: str
    trigger: str = ""
    tried: str = ""  # what the agent has looked for or offered


Answer = Answered | Clarify | HandOver


class Answerer(Protocol):
    """Answers questions as an agent. Stateless, and may be cancelled at any time.

    Raises AnswererUnavailable when it cannot be reached.
    """

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
    """Searches the organization's articles. Implemented in storage with PostgreSQL's full-text search."""

    async def search(
        self, organization: OrgId, query: str, *, collections: Sequence[str] = (), limit: int = 8
    ) -> Sequence[Passage]:
        """Return the sections that fit best, the best one first, of the articles' current versions.

        Any text is a safe query.
        """

    async def section(self, organization: OrgId, article: str) -> Sequence[Passage]:
        """Return all sections of one article in reading order; empty if there is no such article."""

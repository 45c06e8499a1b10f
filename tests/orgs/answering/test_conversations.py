"""The answerer over a conversation: courtesies, rules, follow-ups, misses, buttons, and what
never happens.
"""

import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.answering import AgentTrigger, Answered, Clarify, HandOver, Passage, Question
from bot.core.ids import AgentId, OrgId
from orgs.answering.grounded import Grounded
from orgs.answering.passages import excerpt
from orgs.answering.replies import LastQuestion, last_asked
from orgs.answering.tokens import LONGEST, one_slip_apart, stem
from orgs.answering.triggers import fired
from orgs.translations import shipped
from storage.articles import Articles
from tests.orgs.answering.conftest import BRIGHTDESK, NEIGHBOUR, TRIGGERS, Asks, story

PASSWORD = (
    ("customer", "How do I reset my password?"),
    ("agent", "Here is how:\n\n1. …\n\nFrom our article *Reset or change your password*."),
)


async def test_an_answer_says_whole_steps_in_the_articles_words_and_names_the_article(ask: Asks) -> None:
    answer = await ask("How do I reset my password?")
    assert isinstance(answer, Answered)
    assert answer.settled
    assert answer.sources == ("reset-password",)
    for number in ("1. On the sign-in page", "2. Enter", "3. Open the link", "4. Choose a new password"):
        assert number in answer.text
    assert "From our article *Reset or change your password*." in answer.text


async def test_the_voice_colours_the_wording_and_not_the_facts(ask: Asks) -> None:
    warm = await ask("reset my password", voice="Warm and encouraging")
    formal = await ask("reset my password", voice="Calm and exact.")
    assert isinstance(warm, Answered)
    assert isinstance(formal, Answered)
    assert warm.text.startswith("Happy to help!")
    assert formal.text.startswith("These are the steps:")
    assert warm.text.partition("\n\n")[2] == formal.text.partition("\n\n")[2]


async def test_a_burst_is_one_question(ask: Asks) -> None:
    answer = await ask("hi", "I have a question", "how do I import", "from trello")
    assert isinstance(answer, Answered)
    assert answer.sources == ("import-data",)


async def test_a_follow_up_is_understood_by_what_was_asked_before(ask: Asks) -> None:
    told = story(("customer", "how do I set quiet hours for notifications"), ("agent", "Here is how: …"))
    answer = await ask("and on the phone?", story=told)
    assert isinstance(answer, Answered)
    assert answer.sources[0] in ("mobile-app", "notifications")


@pytest.mark.parametrize(
    "text", ["hi", "Good morning", "👋", "hello Robin!", "hey there", "Guten Tag", "bonjour"]
)
async def test_greetings_are_returned_and_settle_nothing(ask: Asks, text: str) -> None:
    answer = await ask(text, misses=1)
    assert isinstance(answer, Answered)
    assert not answer.settled
    assert "Robin" in answer.text


async def test_courtesy_is_returned_in_the_customers_language(ask: Asks) -> None:
    german, spanish = await ask("Guten Morgen!", language="de"), await ask("muchas gracias", language="es")
    assert isinstance(german, Answered)
    assert isinstance(spanish, Answered)
    assert german.text.startswith("Hallo!")
    assert spanish.text.startswith("¡De nada!")


@pytest.mark.parametrize(
    "text", ["thanks!", "that worked, cheers", "👍🏽", "thank you so much for your help", "perfect, thx"]
)
async def test_thanks_are_met_as_thanks(ask: Asks, text: str) -> None:
    answer = await ask(text, story=story(*PASSWORD))
    assert isinstance(answer, Answered)
    assert not answer.settled


@pytest.mark.parametrize(
    "text",
    [
        "that didn't help",
        "thanks but it still fails",
        "👎",
        "How do I reset my password?",
        "still not working",
        "no",
    ],
)
async def test_an_answer_that_did_not_help_counts_as_a_miss(ask: Asks, text: str) -> None:
    first = await ask(text, story=story(*PASSWORD))
    assert isinstance(first, Clarify)
    assert all("reset-password" not in option.value for option in first.options)
    second = await ask(text, story=story(*PASSWORD), misses=1)
    assert isinstance(second, HandOver)
    assert second.trigger == "unanswered"
    assert "Reset or change your password" in second.tried


async def test_the_first_miss_asks_back_and_the_second_gets_a_person(ask: Asks) -> None:
    first = await ask("how do I frobnicate the flux capacitor")
    assert isinstance(first, Clarify)
    second = await ask("I mean the flux capacitor frobnication", misses=1)
    assert isinstance(second, HandOver)
    assert second.trigger == "unanswered"


async def test_a_tapped_option_brings_that_articles_section(ask: Asks) -> None:
    asked = await ask("who can see my cards and boards")
    assert isinstance(asked, Clarify)
    assert 1 <= len(asked.options) <= 3
    option = asked.options[0]
    slug = option.value.removeprefix("article:").partition("#")[0]
    answer = await ask(option.label, picked=option.value)
    assert isinstance(answer, Answered)
    assert answer.sources == (slug,)


@pytest.mark.parametrize(
    ("label", "value", "section"),
    [
        ("Create and manage API keys", "article:api-keys#rotate-or-revoke", "while the old one works"),
        ("Emails from Brightdesk do not arrive", "article:email-delivery#for-your-it", "with SPF, DKIM"),
    ],
    ids=["another section of the article", "nothing"],
)
async def test_a_picked_section_is_answered_though_its_label_finds_something_else(
    ask: Asks, label: str, value: str, section: str
) -> None:
    picked, searched = await ask(label, picked=value), await ask(label)
    assert isinstance(picked, Answered)
    assert section in picked.text
    assert picked.sources == (value.removeprefix("article:").partition("#")[0],)
    assert not isinstance(searched, HandOver)
    assert section not in searched.text


async def test_an_old_tap_does_not_answer_what_was_written_since(ask: Asks) -> None:
    answer = await ask("how do I import from trello", picked="article:reset-password#forgotten-password")
    assert isinstance(answer, Answered)
    assert answer.sources == ("import-data",)


async def test_the_choice_none_of_these_counts_as_a_miss(ask: Asks) -> None:
    assert isinstance(await ask("None of these", picked="none", misses=1), HandOver)
    assert isinstance(await ask("none of these", misses=0), Clarify)


@pytest.mark.parametrize("text", ["", "   ", "🦄", "???", "…"])
async def test_messages_without_words_are_asked_about(ask: Asks, text: str) -> None:
    assert isinstance(await ask(text), Clarify)


async def test_people_get_security_and_billing_matters(ask: Asks) -> None:
    security, billing = await ask("I was hacked"), await ask("I want a refund")
    assert isinstance(security, HandOver)
    assert isinstance(billing, HandOver)
    assert (security.trigger, billing.trigger) == ("security", "billing_inquiry")


async def test_a_machine_never_claims_to_be_human(ask: Asks) -> None:
    answer = await ask("are you a human?")
    assert isinstance(answer, Answered)
    assert "not a human" in answer.text
    assert "person" in answer.text


async def test_another_organizations_articles_are_never_used(ask: Asks) -> None:
    ours = await ask("how do I open the zeppelin hangar door")
    theirs = await ask("how do I open the zeppelin hangar door", organization=NEIGHBOUR)
    assert isinstance(ours, Clarify)
    assert isinstance(theirs, Answered)
    assert isinstance(await ask("Zeppelin hangar door", picked="article:zeppelin-hangar"), Clarify)


async def test_a_collection_that_the_agent_may_not_use_is_not_used(ask: Asks) -> None:
    assert isinstance(await ask("how do I reset my password", knowledge=("internal",)), Clarify)


@pytest.mark.parametrize(
    ("phrase", "text", "fires"),
    [
        ("charged twice", "you have chrage me twice", True),
        ("charged twice", "twice this month I was charged", True),
        (
            "charged twice",
            "I was charged. My colleague, whom I met two days ago in the office, called twice",
            False,
        ),
        ("invoice is wrong", "where do I download my invoice", False),
        ("invoice is wrong", "the invoice of last month is totally wrong", True),
        ("refund", "can I get refunded", True),
        ("api is down", "your API is down for all our users", True),
        ("api is down", "how do I use the api", False),
    ],
)
def test_a_phrase_fires_as_a_whole_in_any_order_and_inflection(
    phrase: str, text: str, *, fires: bool
) -> None:
    assert (fired((AgentTrigger("rule", "", (phrase,)),), text) is not None) is fires


def test_a_trigger_without_phrases_goes_by_its_name() -> None:
    assert fired((AgentTrigger("data_loss"),), "we have a data loss here")
    assert not fired(
        (AgentTrigger("human_request"), AgentTrigger("unanswered")), "an unanswered human request"
    )


def test_a_pattern_is_searched_for_in_the_text_as_written() -> None:
    trigger = AgentTrigger("money", "", (), (r"\bdon't\b.{0,20}\bpay\b",))
    hit = fired((trigger,), "I DON’T want to\npay")
    assert hit is not None
    assert hit.trigger is trigger
    assert not fired((trigger,), "I want to pay; money")


def test_a_long_section_is_cut_to_whole_lists_and_sentences() -> None:
    steps = "\n".join(f"{number}. Step {number} of the export wizard." for number in range(1, 30))
    text = (
        f"Before you begin, read this.\n\nExport like this:\n\n{steps}\n\nAfterwards, wait. "
        + "Wait on. " * 40
    )
    assert excerpt(text, ("export",)) == f"Export like this:\n\n{steps}"
    prose = (
        " ".join(f"Sentence {number} is about nothing." for number in range(40))
        + " The export is a ZIP file."
    )
    said = excerpt(prose, ("export", "zip"))
    assert said.endswith("The export is a ZIP file.")
    assert said.count("Sentence") == 2


@pytest.mark.parametrize(
    "query",
    [
        "",
        "'",
        "a & b | !c :*",
        "\\",
        "<->",
        "(((",
        "%",
        "\0x",
        "';drop table article_sections;--",
        "ü" * 5_000,
        "www.x.y/z?a=b",
    ],
)
async def test_any_text_is_a_safe_query(search: Articles, query: str) -> None:
    await search.search(BRIGHTDESK, query)
    assert await search.section(BRIGHTDESK, "reset-password")
    assert await search.section(BRIGHTDESK, query) == []


async def test_a_search_keeps_the_order_of_rank_and_counts_what_is_covered(search: Articles) -> None:
    found = await search.search(BRIGHTDESK, "reset password", limit=5)
    assert found[0].article == "reset-password"
    assert [one.rank for one in found] == sorted((one.rank for one in found), reverse=True)
    assert found[0].coverage == 1.0


@given(st.text(max_size=12), st.integers(0, 11), st.sampled_from("abcxyz"))
def test_one_slip_is_one_slip_both_ways(word: str, at: int, letter: str) -> None:
    at = min(at, len(word))
    for slipped in (
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1 :],
    ):
        assert one_slip_apart(word, slipped)
        assert one_slip_apart(slipped, word)
    assert not one_slip_apart(word + "qqq", word)


@pytest.mark.parametrize(
    "family",
    [("change", "changes", "changed", "changing"), ("cancel", "cancelled", "canceling", "cancellation"),
     ("automate", "automation", "automations"),
     ("invite", "invited", "invitation"), ("copy", "copies", "copied")],
)  # fmt: skip
def test_inflections_share_a_stem(family: Sequence[str]) -> None:
    assert len({stem(word) for word in family}) == 1


class FileService:
    """A search that always finds the same passage: for what does not depend on what is found."""

    async def search(
        self, organization: OrgId, query: str, *, collections: Sequence[str] = (), limit: int = 8
    ) -> Sequence[Passage]:
        del organization, query, collections, limit  # a port has the parameters it has
        return [
            Passage(
                "export",
                "Export your data",
                "Export one board",
                "1. Open the menu.\n2. Choose **Export**.",
                1.0,
            )
        ]

    async def section(self, organization: OrgId, article: str) -> Sequence[Passage]:
        return await self.search(organization, article)


async def test_a_fixed_text_of_many_places_is_compared_at_once(
    ask: Asks, a_question: Callable[..., Question]
) -> None:
    """All ways to fill sixty gaps would take for ever."""
    replies = {**shipped("en").model_dump(), "resolved": "{organization}b" * 60 + "?"}
    said = ("Brightdesk" * 20 + "b") * 20
    answer = await ask("yes", story=story(("agent", said)), replies=replies)
    assert answer.why

    assert last_asked(a_question(story=story(("agent", said)), replies=replies)) is None
    assert (
        last_asked(a_question(story=story(("agent", said * 3 + "?")), replies=replies)) is LastQuestion.SOLVED
    )


@given(st.lists(st.text(max_size=200), max_size=4), st.integers(0, 2), st.text(max_size=40))
async def test_an_answer_never_contains_the_customers_words(
    messages: list[str], misses: int, picked: str
) -> None:
    mark = "<b>zqxj</b> [zqxj](http://zqxj.example)"
    question = Question(
        organization=BRIGHTDESK,
        organization_name="Brightdesk {agent}",
        agent=AgentId("robin"),
        agent_name="Robin",
        voice="",
        scope="",
        knowledge=(),
        triggers=TRIGGERS,
        story=(),
        messages=(*messages, mark),
        misses=misses,
        picked=picked,
    )
    answer = await Grounded(FileService()).answer(question)
    assert "zqxj" not in repr(answer)


async def test_a_message_as_long_as_a_book_is_bounded(a_question: Callable[..., Question]) -> None:
    answerer, long = Grounded(FileService()), "please help me with the export of a board " * 20_000
    started = time.process_time()
    await answerer.answer(a_question(long))
    print(f"{(time.process_time() - started) * 1000:.1f} ms for {len(long)} characters, {LONGEST} are read")


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("help", "Hilfe|ich brauche Hilfe|Können Sie mir helfen?|Guten Tag, ich habe eine Frage"),
        ("help", "aide|j'ai besoin d'aide|pouvez-vous m'aider ?|Bonjour, j'ai une question"),
        ("help", "ayuda|necesito ayuda|¿me pueden ayudar?|Hola, tengo una duda"),
        ("help", "ajuda|preciso de ajuda|podem me ajudar?|Bom dia, tenho uma dúvida"),
        ("thanks", "vielen Dank, das hat geholfen|merci, ça marche maintenant|gracias, ya funciona"),
        ("thanks", "obrigado, funcionou|danke für Ihre Hilfe|merci pour votre aide"),
        ("bye", "tschüss|au revoir|adiós|até logo"),
        ("automated", "bist du ein Bot?|spreche ich mit einem Menschen?|êtes-vous un robot ?"),
        ("automated", "¿eres un robot?|você é um robô?|estou falando com uma pessoa?"),
    ],
)
async def test_courtesies_are_understood_in_five_languages(ask: Asks, kind: str, texts: str) -> None:
    for text in texts.split("|"):
        answer = await ask(text)
        assert isinstance(answer, Answered), text
        assert answer.why == f"courtesy: {kind}", text


@pytest.mark.parametrize(
    "text",
    [
        "danke, aber es geht nicht",
        "merci mais ça ne marche pas",
        "gracias pero no funciona",
        "não funcionou, obrigado",
    ],
)
async def test_thanks_with_a_but_are_no_courtesy(ask: Asks, text: str) -> None:
    assert not isinstance(await ask(text), Answered)

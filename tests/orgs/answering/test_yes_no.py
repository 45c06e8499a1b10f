"""Yes and no mean what they answer, in five languages."""

from collections.abc import Awaitable, Callable, Mapping

import pytest

from bot.core.answering import Answer, Answered, Clarify, HandOver, Option, StoryLine
from orgs.answering.choosing import choice_of
from orgs.answering.yes_no import YesOrNo, yes_or_no
from orgs.specification.texts import fill
from orgs.translations import shipped

Asks = Callable[..., Awaitable[Answer]]

NO_THANKS: Mapping[str, str] = {
    "en": "no thanks|No, thank you!|nothing else, thanks|that's all|no that is all|nope, I'm good|not now"
    "|No, I'm all set.|No, that's fine, thanks|that will be all|No. Thanks for your help!|no, bye"
    "|nope, cheers",
    "de": "nein danke|Nein, vielen Dank|nichts mehr|das war alles|passt so|nein, das wars, danke"
    "|nein, alles bestens, danke|Nein, danke für Ihre Hilfe!|nein, tschüss",
    "fr": "non merci|c'est tout|non, rien d'autre, merci|ça ira|non c’est bon"
    "|non, ce sera tout, merci pour votre aide|non, tout va bien|non, au revoir",
    "es": "no gracias|nada más|eso es todo, gracias|no, por ahora no hace falta"
    "|no, todo bien, gracias por su ayuda|no, adiós|no, con eso basta",
    "pt": "não, obrigado|não obrigada|só isso|é só isso, obrigado|nada mais"
    "|não, está tudo bem|não, obrigado pela ajuda|não, tchau",
}
YES = {
    "en": "yes|yes please|Yeah!|sure|please do|of course",
    "de": "ja|Ja bitte|gerne|klar",
    "fr": "oui|oui s'il vous plaît|volontiers|bien sûr",
    "es": "sí|sí, por favor|claro que sí|por supuesto",
    "pt": "sim|sim, por favor|claro|pode ser",
}
SOMETHING_ELSE = {
    "en": "Yes there is something else|yes I have another question|yes, one more thing"
    "|yes there's one more question|yes, I need something else",
    "de": "Ja, noch etwas|Ja, ich habe noch eine Frage|ja, eine Frage noch",
    "fr": "Oui, j'ai une autre question|Oui, encore une question|oui, autre chose",
    "es": "Sí, tengo otra pregunta|sí, una cosa más|Sí, algo más",
    "pt": "Sim, tenho outra pergunta|Sim, mais uma coisa|sim, tenho mais uma dúvida",
}
NO_USE = {
    "de": "Nein, das hilft mir nicht|Nein, das hat mir nicht geholfen",
    "fr": "Non, ça ne m'aide pas|non, cela ne m'aide pas du tout",
    "pt": "Não, isso não ajuda|Não, isso não me ajudou",
    "es": "No, eso no me ayuda",
    "en": "No, that doesn't help me",
}
NO = {"en": "no|Nope.|nah", "de": "nein|nee", "fr": "non|non…", "es": "no", "pt": "não|nao"}
MORE = (
    "no, I still cannot log in|yes but how|non je veux un remboursement|no funciona|ja aber wie|not my board"
)


def each(listed: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(language, text) for language, texts in listed.items() for text in texts.split("|")]


@pytest.mark.parametrize(("_", "text"), each(NO_THANKS))
def test_a_polite_refusal_is_understood_as_no_thanks(_: str, text: str) -> None:
    assert yes_or_no(text) is YesOrNo.NO_THANKS


@pytest.mark.parametrize(("_", "text"), each(YES))
def test_a_yes_is_understood(_: str, text: str) -> None:
    assert yes_or_no(text) is YesOrNo.YES


@pytest.mark.parametrize(("_", "text"), each(NO))
def test_a_no_is_understood(_: str, text: str) -> None:
    assert yes_or_no(text) is YesOrNo.NO


@pytest.mark.parametrize("text", [*MORE.split("|"), "", "?", "2", "yes " * 13])
def test_a_text_that_says_more_is_neither_yes_nor_no(text: str) -> None:
    assert yes_or_no(text) is None


@pytest.mark.parametrize(("language", "text"), [*each(NO_THANKS), *each(NO)])
async def test_a_customer_who_needs_nothing_else_is_let_go(ask: Asks, language: str, text: str) -> None:
    """Return to the agent ends with "Is there anything else I can help with?"."""
    closing = fill(shipped(language).returned, team="Billing", person="Hugo")
    answer = await ask(
        text, language=language, story=(StoryLine("customer", "Hi"), StoryLine("system", closing))
    )
    assert isinstance(answer, Answered)
    assert answer.text == shipped(language).ok


@pytest.mark.parametrize(("_", "text"), each(SOMETHING_ELSE))
def test_a_wish_for_something_else_is_understood(_: str, text: str) -> None:
    assert yes_or_no(text) is YesOrNo.MORE


@pytest.mark.parametrize(("language", "text"), [*each(YES), *each(SOMETHING_ELSE), ("en", "ok yes please")])
async def test_a_customer_who_needs_something_else_is_asked_what(ask: Asks, language: str, text: str) -> None:
    closing = StoryLine("system", shipped(language).returned)
    answer = await ask(text, language=language, story=(closing,))
    assert isinstance(answer, Answered)
    assert answer.text == shipped(language).help


@pytest.mark.parametrize(("language", "text"), each(YES))
async def test_yes_to_the_offer_of_a_person_calls_one(ask: Asks, language: str, text: str) -> None:
    offer = fill(shipped(language).automated, organization="Brightdesk", agent="Robin")
    answer = await ask(text, language=language, story=(StoryLine("agent", offer),))
    assert isinstance(answer, HandOver)
    assert answer.trigger == "human_request"


async def test_no_to_an_answer_says_that_it_did_not_help(ask: Asks) -> None:
    story = (
        StoryLine("customer", "how do I set quiet hours for notifications"),
        StoryLine("agent", "Here is how: …\n\nFrom our article *Notifications*."),
    )
    answer = await ask("no", story=story)
    assert isinstance(answer, Clarify)
    assert answer.text.startswith(shipped("en").did_not_help.split("!")[0].split(".")[0])


@pytest.mark.parametrize(("language", "text"), each(NO_USE))
async def test_a_no_after_an_answer_is_not_searched_for(ask: Asks, language: str, text: str) -> None:
    asked, said = (
        StoryLine("customer", "how do I set quiet hours for notifications"),
        shipped(language).returned,
    )
    answer = await ask(
        text, language=language, story=(asked, StoryLine("agent", "Here."), StoryLine("system", said))
    )
    assert isinstance(answer, Clarify)
    assert answer.text.startswith(shipped(language).did_not_help[:20])


@pytest.mark.parametrize(("language", "text"), [*each(NO), ("en", "not yet"), ("de", "noch nicht")])
async def test_a_no_to_the_closing_words_means_that_the_answer_did_not_help(
    ask: Asks, language: str, text: str
) -> None:
    said = (
        StoryLine("customer", "I cannot log in"),
        StoryLine("agent", "Here."),
        StoryLine("system", shipped(language).resolved),
    )
    answer = await ask(text, language=language, story=said)
    assert isinstance(answer, Clarify)
    assert answer.text.startswith(shipped(language).did_not_help[:20])


async def test_yes_to_solved_is_no_question(ask: Asks) -> None:
    answer = await ask("yes", story=(StoryLine("system", shipped("en").resolved),))
    assert isinstance(answer, Answered)
    assert answer.text == shipped("en").ok


async def test_no_thanks_after_an_answer_is_no_complaint(ask: Asks) -> None:
    answer = await ask("no thanks", story=(StoryLine("agent", "From our article *Notifications*."),))
    assert isinstance(answer, Answered)


async def test_yes_to_several_offers_is_asked_which(ask: Asks) -> None:
    options = (Option("article:a", "A"), Option("article:b", "B"))
    answer = await ask("yes", offered=options, story=(StoryLine("agent", shipped("en").not_sure),), misses=1)
    assert isinstance(answer, Clarify)
    assert answer.options == options


OPTIONS = (("article:a", "Export a board"), ("article:b", "End a subscription"), ("none", "None of these"))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2", 1),
        ("2.", 1),
        ("2 please", 1),
        ("option 2", 1),
        ("Nr. 2 bitte", 1),
        ("the second one", 1),
        ("la segunda por favor", 1),
        ("le deuxième", 1),
        ("die erste", 0),
        ("o primeiro", 0),
        ("the last one", 2),
        ("zwei", 1),
        ("n°2", 1),
        ("I pick 2", 1),
        ("keins davon", 2),
        ("aucun", 2),
        ("ninguno", 2),
        ("none of them", 2),
        ("end a subscription", 1),
        ("4", None),
        ("-1", None),
        ("2 €", None),
        ("Hi,\n2 please\nMaya", 1),
        ("The second, thanks.\n\nBest,\nMaya", 1),
        ("Hallo Robin,\n\ndie zweite bitte\n\nViele Grüße\nMaya Rossi\nAcme", 1),
        ("2\nRefund", None),
        ("2\nThanks,\nI want a refund", None),
        ("0", None),
        ("2 boards", None),
        ("2 3", None),
        ("", None),
        ("the first board is gone", None),
        ("yes", None),
        ("2. End a subscription", 1),
        ("2) End a subscription", 1),
        ("2: End a subscription", 1),
        ("2 - End a subscription", 1),
        ("1 – Export a board", 0),
        ("option 2: end a subscription please", 1),
        ("1. End a subscription", None),
        ("3. None of these", 2),
        ("2\nMaya Rossi\nHead of Finance\nAcme GmbH\n+49 30 1234567", 1),
        ("2\n--\nMaya Rossi\nAcme", 1),
        ("2\n\nSent from my iPhone", 1),
        ("1\nVon meinem iPhone gesendet", 0),
        ("Hi, 2. Regards, Maya", 1),
        ("2 thanks Maya", 1),
        ("Best is 2", 1),
        ("My answer is 2", 1),
        ("number 2 is what I need", 1),
        ("it's 2", 1),
        ("The second one is what I meant", 1),
        ("ich nehme die 2", 1),
        ("je prends la 2", 1),
        ("elijo 2", 1),
        ("escolho a segunda", 1),
        ("no, 2", 1),
        ("I'll take number one", 0),
        ("I need a second", None),
        ("not 2", None),
        ("neither 1 nor 2", None),
        ("I have 2", None),
        ("2 is too many", None),
        ("2 invoices are wrong", None),
    ],
)
def test_a_choice_is_typed_in_many_ways(text: str, at: int | None) -> None:
    assert choice_of(text, OPTIONS, "Maya Rossi") == at


@pytest.mark.parametrize("name", ["Catherine Miller", ""])
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2\n\nThanks, Eve", 1),
        ("2\n\nThanks Eve", 1),
        ("2\n\nthanks, eve", 1),
        ("2\n\nKate", 1),
        ("2.\n\nKate Miller-O'Neil", 1),
        ("2\n\nThanks, Kate", 1),
        ("2\n\nMany thanks,\nEve", 1),
        ("2\n\nKind regards\nEve van der Berg\nHead of Finance\nAcme GmbH\n+49 30 1234567", 1),
        ("Hello,\n\n2\n\nCheers\nE. McKay", 1),
        ("1\n\nViele Grüße\nJürgen", 0),
        ("2\n\nMerci, Zoé", 1),
        ("2\n\nGracias,\nÍñigo", 1),
        ("2\n\nObrigada, Inês", 1),
        ("2\n\nThanks!", 1),
        ("2, thanks, Eve", 1),
        ("2 - thanks Eve", 1),
        ("> 1. Export a board\n> 2. End a subscription\n\n2", 1),
        ("On Monday Robin wrote:\n> 1. Export a board\n> 2. End a subscription\n\n2\n\nThanks, Eve", 1),
        ("2\n\nno wait, 3", None),
        ("2\n\nThanks, no wait", None),
        ("2\n\nThanks, but 3", None),
        ("2\n\nUrgent", None),
        ("2\n\nRefund", None),
        ("2\n\nPayPal", None),
        ("2\n\nKate is waiting", None),
        ("2\n\nThanks, Eve\nPS: no, 3", None),
        ("2\n\nThanks, Eve\n\nAnd I was charged twice", None),
        ("2\nRefund", None),
        ("2\n\nEve?", None),
        ("2 charges appeared", None),
        ("2 charges appeared\n\nThanks, Eve", None),
        ("> 2\n\nthis is not what I meant", None),
    ],
)
def test_a_choice_is_found_above_whatever_name_signs_it(text: str, at: int | None, name: str) -> None:
    assert choice_of(text, OPTIONS, name) == at


def test_a_yes_to_one_offer_picks_it() -> None:
    assert choice_of("ja bitte", (OPTIONS[0], OPTIONS[2])) == 0
    assert choice_of("nein danke", (OPTIONS[0], OPTIONS[2])) is None


@pytest.mark.parametrize("text", ["2", "2.", "404", "2 please"])
async def test_a_number_with_nothing_offered_is_asked_about(ask: Asks, text: str) -> None:
    answer = await ask(text, voice="")
    assert isinstance(answer, Clarify)
    assert answer.text == shipped("en").nothing_found
    assert not answer.options


async def test_a_number_typed_again_after_the_answer_is_no_complaint(ask: Asks) -> None:
    story = (
        StoryLine("customer", "2"),
        StoryLine("agent", "Here is how: …\n\nFrom our article *Notifications*."),
    )
    answer = await ask("2", story=story, voice="")
    assert isinstance(answer, Clarify)
    assert answer.text == shipped("en").nothing_found


async def test_a_number_that_is_none_of_the_choices_is_asked_again(ask: Asks) -> None:
    options = (Option("article:a", "A"), Option("article:b", "B"))
    answer = await ask("7", offered=options, story=(StoryLine("agent", shipped("en").not_sure),), misses=1)
    assert isinstance(answer, Clarify)
    assert answer.options == options

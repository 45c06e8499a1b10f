"""The language of automatic texts: that of the customer's words, of the channel, or our first."""

from dataclasses import replace

import pytest

from bot.core.answering import HandOver
from bot.core.events import Started, Unsupported
from bot.core.outbound import Post
from bot.turns.decide import question
from orgs.specification.texts import Texts, fill
from orgs.translations import SHIPPED, WritingTone, shipped
from tests.turns.bench import Bench, to_customers

PLACES = "organization team person opens time weekday date text code minutes address story article agent wait"


def to_people(_: object) -> HandOver:
    return HandOver("They want a person.", "asked for one", "human_request")


def speaking(desk: Bench, *languages: str, **texts: Texts) -> None:
    policies = desk.organization.policies.model_copy(update={"languages": languages, "texts": texts})
    desk.organization = desk.organization.model_copy(update={"policies": policies})


async def heard(desk: Bench) -> str:
    return "\n".join(to_customers(await desk.deliver()))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Kann ich bitte mit einem Menschen sprechen?", "de"),
        ("Je voudrais parler à un conseiller", "fr"),
        ("Quiero hablar con una persona", "es"),
        ("Quero falar com uma pessoa", "pt"),
        ("I would like to talk to a person", "en"),
    ],
)
async def test_the_handoff_is_told_in_the_language_of_the_customers_words(
    desk: Bench, text: str, language: str
) -> None:
    speaking(desk, "en", "de", "fr", "es", "pt")
    await desk.hear(desk.event(text))
    await desk.turn(to_people)
    told, texts = await heard(desk), shipped(language)
    assert told.startswith((texts.handoff.partition("{")[0], texts.out_of_hours.partition("{")[0]))


async def test_words_of_no_language_keep_the_one_they_wrote_in_before(desk: Bench) -> None:
    speaking(desk, "en", "de")
    await desk.say("Ich kann mich seit gestern nicht mehr anmelden")
    await desk.deliver()
    for text in ("ok", "4711", "Maya Fernandes", "👍", "gracias"):
        await desk.say(text)
        await desk.deliver()
        await desk.say(Unsupported("a poll"), message="p" + text)
        assert await heard(desk) == shipped("de").unreadable


async def test_a_customer_who_changes_the_language_is_answered_in_the_new_one(desk: Bench) -> None:
    speaking(desk, "en", "de")
    await desk.say("Ich kann mich seit gestern nicht mehr anmelden")
    await desk.say("Sorry, I would rather write in English from now on")
    await desk.deliver()
    await desk.say(Unsupported("a poll"), message="p1")
    assert await heard(desk) == shipped("en").unreadable


async def test_the_channel_tells_the_language_of_a_customer_without_words(desk: Bench) -> None:
    speaking(desk, "en", "de", "pt-BR")
    await desk.say(Started(), "maya", language="de-AT")
    assert await heard(desk) == shipped("de").greeting
    await desk.say(Started(), "tom", language="pt-br")
    assert await heard(desk) == shipped("pt").greeting
    await desk.say(Started(), "aiko", language="ja")
    assert await heard(desk) == shipped("en").greeting, "a language we do not speak: our first"
    speaking(desk, "de", "en")
    await desk.say(Started(), "yuki", language="ja")
    assert await heard(desk) == shipped("de").greeting, "our first, whichever that is"


async def test_the_file_words_a_language_that_is_not_shipped(desk: Bench) -> None:
    speaking(desk, "en", "it", it=Texts(greeting="Benvenuti da {organization}!"))
    await desk.say(Started(), language="it")
    assert await heard(desk) == "Benvenuti da Brightdesk!"
    await desk.say(Unsupported("a poll"), message="p1")
    assert await heard(desk) == shipped("en").unreadable, "what the file does not word is said in its first"


async def test_an_automatic_message_does_not_set_the_language(desk: Bench) -> None:
    speaking(desk, "en", "de")
    await desk.say("My boards are gone since this morning", language="en")
    await desk.deliver()
    await desk.hear(desk.event("Ich bin bis Montag nicht im Büro erreichbar", automatic=True))
    await desk.turn()
    await desk.say(Unsupported("a poll"), message="p1")
    assert await heard(desk) == shipped("en").unreadable


@pytest.mark.long
async def test_the_agent_is_asked_to_answer_in_the_customers_language(desk: Bench) -> None:
    speaking(desk, "en", "fr")
    await desk.hear(desk.event("Je n'arrive pas à me connecter"))
    [decision] = await desk.turn()
    asked = question(replace(decision, agent=desk.organization.agents[0].id, asked=()))
    assert asked.language == "fr"
    assert asked.replies["nothing_found"] == shipped("fr").nothing_found


@pytest.mark.long
async def test_the_code_and_its_subject_are_in_the_customers_language(desk: Bench) -> None:
    speaking(desk, "en", "es")
    await desk.say("Por favor, escríbanme a maya@a.example y seguimos allí")
    left = await desk.deliver()
    mail = next(one for one in left if one.place.channel == "email")
    assert mail.text.startswith("Su código es")
    assert isinstance(mail.operation, Post)
    assert mail.operation.subject.startswith("Su código de")
    assert "Su conversación con" in mail.item.context, "of the thread that goes on there"
    assert to_customers(left)[0].startswith("He enviado un código a m•••@a.example")


@pytest.mark.parametrize("language", SHIPPED)
@pytest.mark.parametrize("tone", WritingTone)
def test_every_text_is_shipped_with_the_places_that_the_english_has(language: str, tone: WritingTone) -> None:
    texts, english = shipped(language, tone), shipped("en", tone)
    for name in Texts.model_fields:
        said, original = getattr(texts, name), getattr(english, name)
        if tone is not WritingTone.BRIEF:
            assert said, name
        places = {
            place: f"<{place}>" for place in ("organization", "team", "person", "opens", "time", "weekday")
        }
        places |= {place: f"<{place}>" for place in ("date", "text", "code", "minutes", "address", "story")}
        places |= {place: f"<{place}>" for place in ("article", "agent", "wait")}
        filled = {place for place in places.values() if place in fill(said, **places)}
        assert filled >= {place for place in places.values() if place in fill(original, **places)}, name

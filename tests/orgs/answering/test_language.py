"""The language of a customer's own words, on short messages as people type them."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orgs.answering.language import language_of

LANGUAGES = ("en", "de", "fr", "es", "pt")
SENTENCES: Mapping[str, list[str]] = yaml.safe_load(
    (Path(__file__).parent / "languages.yaml").read_text("utf-8")
)


def test_short_messages_are_recognized_and_hardly_ever_taken_for_another_language() -> None:
    told = [
        (language, language_of(text, LANGUAGES)) for language in LANGUAGES for text in SENTENCES[language]
    ]
    right = sum(language == found for language, found in told)
    wrong = [pair for pair in told if pair[1] not in ("", pair[0])]
    print(f"{right} of {len(told)} recognized, {len(wrong)} taken for another language")
    assert right >= 0.94 * len(told)
    assert not wrong


@pytest.mark.parametrize("text", [*SENTENCES["unsure"], "", "\ufeff", "```\nvielen Dank für Ihre Hilfe\n```"])
def test_a_text_of_no_language_leaves_the_language_open(text: str) -> None:
    assert language_of(text, LANGUAGES) == ""


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Bonjour", "fr"),
        ("Guten Tag", "de"),
        ("hola", "es"),
        ("Olá", "pt"),
        ("obrigada!", "pt"),
        ("hello", ""),
    ],
)
def test_a_greeting_tells_the_language_of_somebody_new(text: str, language: str) -> None:
    assert language_of(text, LANGUAGES) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Passwort vergessen", "de"),
        ("geht nicht", "de"),
        ("Facture incorrecte", "fr"),
        ("No funciona", "es"),
        ("Pago rechazado", "es"),
        ("Fatura errada", "pt"),
        ("Forgot password", "en"),
        ("order 12345", ""),
        ("API error 500", ""),
    ],
)
def test_two_words_as_they_are_written_to_support_tell_the_language_of_somebody_new(
    text: str, language: str
) -> None:
    assert language_of(text, LANGUAGES) == language


def test_two_words_change_no_language_that_is_known() -> None:
    assert language_of("No funciona", LANGUAGES, known="pt") == ""


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("240 EUR statt 24", "de"),
        ("24 € anstatt 240 €", "de"),
        ("240 EUR au lieu de 24", "fr"),
        ("240 au lieu d'un", "fr"),
        ("240 EUR en vez de 24", "es"),
        ("240 EUR en lugar de 24", "es"),
        ("240 EUR em vez de 24", "pt"),
        ("240 EUR instead of 24", "en"),
        ("240 EUR", ""),
    ],
)
def test_amounts_with_a_word_between_them_tell_the_language_of_somebody_new(text: str, language: str) -> None:
    assert language_of(text, LANGUAGES) == language


@pytest.mark.parametrize("known", ["", "en", "de", "fr", "es", "pt"])
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("no thanks", "en"),
        ("nein, danke", "de"),
        ("Nein, vielen Dank!", "de"),
        ("non merci", "fr"),
        ("Non, merci.", "fr"),
        ("no gracias", "es"),
        ("No, muchas gracias", "es"),
        ("não, obrigado", "pt"),
        ("não obrigada", "pt"),
    ],
)
def test_a_refusal_with_thanks_tells_the_language_whatever_was_spoken_before(
    text: str, language: str, known: str
) -> None:
    assert language_of(text, LANGUAGES, known=known) == language


def test_a_greeting_changes_no_language_that_is_known() -> None:
    assert language_of("gracias!", LANGUAGES, known="en") == ""


@pytest.mark.parametrize(
    "text", ["Buongiorno, non riesco ad accedere", "ik kan niet inloggen", "ログインできません"]
)
def test_a_language_that_the_organization_does_not_speak_is_none_of_its_others(text: str) -> None:
    assert language_of(text, LANGUAGES) == ""


def test_the_organization_names_the_country() -> None:
    assert language_of("não consigo entrar na minha conta", ("en", "pt-BR")) == "pt-BR"
    assert language_of("ich kann mich nicht einloggen", ("en", "pt-BR")) == ""


@given(st.text(max_size=3_000))
def test_any_text_is_read(text: str) -> None:
    found = language_of(text, LANGUAGES)
    assert found in ("", *LANGUAGES)
    assert found == language_of(text, LANGUAGES)

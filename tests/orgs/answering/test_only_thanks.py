"""Words after Resolve: mere thanks stay closed in five languages, and anything more is read by somebody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs.answering.thanks import only_thanks

CUSTOMER, NAMES = "Maya Fischer", ("Acme", "Hugo Martin", "Robin", "Customer Success")

THANKS = (
    "thanks!",
    "Thank you so much 🙏",
    "👍",
    "ok",
    "great, bye",
    "Thank you!\n\nBest regards,\nMaya Fischer",
    "Thanks a lot, Hugo.\n\nKind regards\n\nMaya Fischer\nSales Director\n+49 30 1234567\nmaya@example.org",
    "Many thanks\nMaya",
    "Thank you Hugo!",
    "Thank you, Hugo, for the quick help!",
    "Many thanks for the quick refund",
    "thank you, have a great week",
    "Thanks Robin, enjoy your weekend",
    "Perfect, thank you very much for your help and patience.",
    "Thanks again, you have been very helpful",
    "thx, have a nice rest of the day",
    "It works now, thank you!",
    "That's all, thanks",
    "Much appreciated!",
    "Thanks for getting back to me so quickly. All the best, Maya",
    "Hi Hugo, thanks for fixing it so fast. Good night",
    "Danke!",
    "Danke, schönes Wochenende!",
    "Danke für die schnelle Hilfe",
    "Vielen Dank für Ihre schnelle Antwort und einen schönen Tag!",
    "Herzlichen Dank",
    "Alles klar, danke dir",
    "Super, vielen Dank Hugo!\n\nViele Grüße\nMaya",
    "Danke schön, ich wünsche Ihnen noch einen schönen Abend",
    "Vielen Dank!\n\nMit freundlichen Grüßen\nMaya Fischer",
    "Merci beaucoup, bonne journée !",
    "Merci pour votre aide",
    "Merci de votre aide",
    "Merci Hugo et bon week-end",
    "Parfait, je vous remercie. Cordialement, Maya",
    "Merci à vous, très bonne soirée",
    "Merci pour votre réponse rapide, à bientôt",
    "Gracias, que tenga un buen día",
    "Muchas gracias por su ayuda",
    "Perfecto, muchas gracias. Un saludo, Maya",
    "Mil gracias por la rápida respuesta, feliz fin de semana",
    "Gracias a todos, hasta luego",
    "Obrigada!",
    "Muito obrigado pela ajuda, tenha um bom dia",
    "Obrigado pela resposta rápida. Bom fim de semana!",
    "Perfeito, muito obrigada. Abraços, Maya",
    "Valeu, até logo",
)
MORE = (
    "is it fixed now",
    "thanks, it did it again",
    "was it really solved",
    "it is here again, thanks",
    "thanks fix it",
    "you fixed one, fix the help for everyone",
    "thanks, but it is still broken",
    "thanks, and the invoice?",
    "thanks?",
    "👍?",
    "👍❓",
    "thanks 😡",
    "thanks 👎",
    "no",
    "Hi",
    "Hugo",
    "Bom dia!",
    "buenas noches",
    "again",
    "thanks, again",
    "thanks for nothing",
    "not great, thanks",
    "ok for the refund",
    "thanks, it works for me only",
    "not everything works, thanks",
    "thanks, one more thing",
    "thanks, please call me",
    "thank you, when will it arrive",
    "it worked yesterday",
    "Thank you!\n\nBest regards,\nMaya Fischer\n\nPS: please send the invoice",
    "Thanks\nMaya\nit broke again",
    "Best regards\nthe refund is missing",
    "thanks 4711",
    "thanks https://example.org/a",
    "will do it now thanks, see what you did",
    "never worked",
    "good day, you solved just one",
    "",
    "...",
    "Danke, aber es geht nicht",
    "Danke, geht wieder nicht",
    "danke, und die Rechnung",
    "Ist es jetzt gelöst",
    "Merci mais ça ne marche pas",
    "merci, encore une question",
    "c'est encore là, merci",
    "Gracias, pero sigue igual",
    "otra vez lo mismo, gracias",
    "¿gracias",
    "Obrigado, mas não funciona",
    "obrigada, aconteceu de novo",
    "ainda não, obrigado",
)


@pytest.mark.parametrize("text", THANKS)
def test_mere_courtesy_is_only_thanks(text: str) -> None:
    assert only_thanks(text, CUSTOMER, NAMES)


@pytest.mark.parametrize("text", MORE)
def test_words_that_say_or_ask_more_are_no_mere_thanks(text: str) -> None:
    assert not only_thanks(text, CUSTOMER, NAMES)


@pytest.mark.parametrize("text", ["ok", "👍", "yes, thanks", "Okay, danke", "oui merci", "sí, gracias"])
def test_consent_answers_what_was_asked(text: str) -> None:
    assert only_thanks(text)
    assert not only_thanks(text, asked=True)


def test_thanks_alone_answer_nothing() -> None:
    assert only_thanks("Thank you, bye!", asked=True)


@given(st.sampled_from(THANKS), st.sampled_from([text for text in MORE if any(map(str.isalpha, text))]))
def test_thanks_hide_nothing_that_is_said_before(thanks: str, more: str) -> None:
    if more not in ("no", "Hi", "Hugo", "Bom dia!", "buenas noches", "ok for the refund"):
        assert not only_thanks(f"{more}. {thanks}", CUSTOMER, NAMES)

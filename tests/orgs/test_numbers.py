"""Texts that ask by the number of a conversation, for it, or for a copy, and texts that only look so."""

import pytest

from orgs.answering.numbers import Ask, CaseNumberRequest, asked

FOR_THE_NUMBER = """
What is my case number?
Can you give me my ticket number please
I forgot my case number
Wie lautet meine Fallnummer?
Können Sie mir bitte die Nummer meines Falls nennen?
Quel est mon numéro de dossier ?
Pouvez-vous me donner le numéro de mon ticket s'il vous plaît
¿Cuál es mi número de caso?
Me puede decir el número de mi expediente
Qual é o número do meu chamado?
Qual o meu número de protocolo
"""
BY_A_NUMBER = """
#4831-27
# 4831-27
What is the status of #4831-27?
case 483127
Case number 4831-27 please
how is my ticket 4831 27 going
Hello, is case #4831-27 still open? Thanks
Wie steht es um Fall 483127?
Gibt es Neuigkeiten zu meinem Vorgang #4831-27?
Où en est mon dossier 4831-27 ?
Bonjour, quel est le statut du dossier #4831-27 ? Merci
¿Cómo va el caso 483127?
Hola, ¿hay novedades sobre el caso #4831-27? Gracias
Qual o andamento do chamado 483127?
Como está o caso #4831-27
"""
FOR_A_COPY = """
Send me a copy of our conversation
Please send me a transcript of this chat
I would like a copy of my messages
send me my messages
Schicken Sie mir bitte eine Kopie unserer Unterhaltung
Ich hätte gerne eine Kopie meiner Nachrichten
Envoyez-moi une copie de notre conversation
Je voudrais une copie de mes messages
Envíeme una copia de nuestra conversación
Quiero una copia de mis mensajes, por favor
Envie-me uma cópia da nossa conversa
Quero uma cópia das minhas mensagens
Please send me everything I wrote, I want a copy of it
I want a copy of everything I've said
Bitte schicken Sie mir alles, was ich geschrieben habe
Ich möchte eine Kopie von allem, was ich geschrieben habe
Envoyez-moi tout ce que j'ai écrit, j'en veux une copie
Je voudrais une copie de tout ce que j'ai écrit
Envíame todo lo que escribí, quiero una copia
Quiero una copia de todo lo que he escrito
Envie-me tudo o que escrevi, quero uma cópia
Gostaria de receber uma cópia de tudo o que escrevi
"""
FOR_NOTHING = """
483127
4831-27
#483127
My order 483127 is late
order number 483127
my invoice #483127
Invoice 4831-27
Call me at +49 483127
My phone is 4831 27
My postcode is 48312-7483
5555 4444 3333 1111
Card 4111 1111 1111 1111
Pay 4831-27 EUR for case 12
ticket 4831-27 4832-11
case 483127 is still broken
Case 483127: the boiler leaks again
I have a ticket for the concert 483127
#4831-27 is the part that I need replaced
case of beer
The case is broken
I want to talk about my case
I have a case number but nobody answers
What is my order number?
what is my number
what is my phone number
What is the account number
Please send me a message
I want everything
Everything I wrote is wrong
Please read everything I wrote
I wrote everything in the ticket, what now
Send me a copy of the invoice
Is the conversation recorded?
I want this conversation to end
do not send me a copy of this conversation
please delete my messages
export my data
copy that
chat history
Hi
Bestellung 483127
Rechnung Nr. 4831-27
Meine Telefonnummer ist 483127
Commande 483127
Numéro de commande 4831-27
Pedido 483127
Mi número de pedido es 483127
Meu pedido 483127 não chegou
"""


def listed(texts: str) -> list[str]:
    return texts.strip().splitlines()


@pytest.mark.parametrize("text", listed(FOR_THE_NUMBER))
def test_a_question_for_the_number_is_recognized(text: str) -> None:
    assert asked(text) == Ask(CaseNumberRequest.NUMBER)


@pytest.mark.parametrize("text", listed(BY_A_NUMBER))
def test_a_question_by_a_number_is_recognized(text: str) -> None:
    assert asked(text) == Ask(CaseNumberRequest.STATUS, 483127)


@pytest.mark.parametrize("text", listed(FOR_A_COPY))
def test_a_request_for_a_copy_is_recognized(text: str) -> None:
    assert asked(text) == Ask(CaseNumberRequest.COPY)


@pytest.mark.parametrize(
    "text", ["Send me a copy of case #4831-27", "Schicken Sie mir bitte eine Kopie von Vorgang #4831-27"]
)
def test_a_request_for_a_copy_by_a_number_is_recognized(text: str) -> None:
    assert asked(text) == Ask(CaseNumberRequest.COPY, 483127)


@pytest.mark.parametrize("text", listed(FOR_NOTHING))
def test_a_text_that_only_looks_like_such_a_question_is_not_recognized(text: str) -> None:
    assert asked(text) is None


def test_a_greeting_and_a_signature_do_not_hide_the_question() -> None:
    text = "Dear team,\n\nwhat is the status of #4831-27?\n\nKind regards\nMaya Lopez"
    assert asked(text, "Maya Lopez") == Ask(CaseNumberRequest.STATUS, 483127)


def test_a_long_text_is_no_question_about_a_number() -> None:
    assert asked("please " * 50 + "#4831-27") is None

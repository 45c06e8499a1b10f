# ruff: noqa: E501 - a line each
"""Some 1,200 mails, program by program. `pytest -s` on this file prints the accuracy of each."""

import pytest

from connectors.email.reading import read
from tests.connectors.email.reading.corpus import accuracy


def test_what_is_new_is_told_exactly() -> None:
    total, right, misses = accuracy()
    for key, count in total.items():
        print(f"{key:24} {right[key]:4} of {count:4}  {right[key] / count:6.1%}")
    assert total["all"] >= 200
    assert not [case.name for case in misses]


@pytest.mark.parametrize(
    "text",
    [
        "Outlook does not open my mail on Windows.",
        "Yahoo mail says my address is wrong",
        "Get mail working please, my phone is broken",
        "Sent you the form by mail from my phone yesterday, did you get it?",
        "unsubscribe me please",
        "iPhone 14 Pro, 128 GB, blue",
        "Thanks",
        "Cheers for the quick answer!",
        "> is a greater-than sign",
        "We have:\n- a phone\n- an iPad",
        "Yesterday John wrote:\nhe is not happy.",
        "Date: tomorrow\nTo: the shop\nplease deliver",
        "Please send it until 05.04.2023 10:00 to max@example.org:\nMain Street 1",
        "Total\n---\n5 euros",
        "Regards the second order: it never came.",
        "On Monday 5.4.2023 at 10:00 your driver came and wrote:",
        "De acuerdo, gracias",
    ],
)
def test_what_a_person_wrote_is_not_cut(text: str) -> None:
    for headers in (b"", b"In-Reply-To: <o@acme.example>\r\nSubject: Re: x\r\n"):
        raw = (
            b"From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + headers
            + b"\r\n"
            + text.encode()
        )
        assert read(raw, trusted_servers=(), own_addresses=()).new == text


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone", "Sent from Yahoo Mail on Android", "Sent from Outlook for iOS", "Get Outlook for Android",
        "Sent with Proton Mail secure email.", "Sent from my Galaxy", "Sent from Mail for Windows 10",
        "Gesendet mit der GMX Mail App", "Von meinem iPhone gesendet", "Gesendet von Mail für Windows", "Holen Sie sich Outlook für iOS",
        "Diese Nachricht wurde von meinem Android Mobiltelefon mit WEB.DE Mail gesendet.", "Envoyé de mon iPhone",
        "Envoyé à partir de Outlook pour Android", "Obtenez Outlook pour iOS", "Télécharger Outlook pour Android",
        "Enviado desde mi iPhone", "Enviado desde Yahoo Mail con Android", "Obtener Outlook para iOS", "Inviato da iPhone",
        "Ottieni Outlook per iOS", "Enviado do meu iPhone", "Enviado do Yahoo Mail no Android", "Verstuurd vanaf mijn iPhone",
        "Wysłane z iPhone'a", "Pobierz Outlook dla Android", "Skickat från min iPhone",
        "Sendt fra min iPhone", "Hent Outlook til iOS", "Lähetetty iPhonesta", "Odesláno z iPhonu", "iPhone'umdan gönderildi",
        "Отправлено с iPhone", "Отправлено из Почты Mail.ru", "Надіслано з iPhone", "iPhoneから送信", "发自我的 iPhone",
        "從我的 iPhone 傳送", "나의 iPhone에서 보냄",
    ],
)  # fmt: skip
def test_what_a_program_added_is_cut(line: str) -> None:
    raw = f"From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCall me.\r\n\r\n{line}\r\n".encode()
    assert read(raw, trusted_servers=(), own_addresses=()).new == "Call me."

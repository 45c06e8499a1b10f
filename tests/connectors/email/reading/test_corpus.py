# ruff: noqa: E501 - a line each
"""1,216 mails, program by program. `pytest -s` on this file prints the accuracy of each."""

import pytest

from connectors.email.reading import read
from tests.connectors.email.reading.corpus import accuracy


@pytest.mark.long
def test_the_new_part_of_each_mail_is_told_exactly() -> None:
    total, right, misses, idle = accuracy()
    for key, count in total.items():
        print(f"{key:24} {right[key]:4} of {count:4}  {right[key] / count:6.1%}")
    assert total["all"] >= 200
    assert not [case.name for case in misses]
    assert not [case.name for case in idle]


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
def test_text_that_a_person_wrote_is_not_cut(text: str) -> None:
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
def test_lines_that_a_program_added_are_cut(line: str) -> None:
    raw = f"From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCall me.\r\n\r\n{line}\r\n".encode()
    assert read(raw, trusted_servers=(), own_addresses=()).new == "Call me."


@pytest.mark.parametrize(
    "names",
    [
        "Feladó|Elküldve|Címzett|Tárgy", "Από|Στάλθηκε|Προς|Θέμα", "De la|Trimis|Către|Subiect", "Od|Odoslané|Komu|Predmet",
        "מאת|נשלח|אל|נושא", "من|تم الإرسال|إلى|الموضوع", "Od|Poslano|Za|Predmet", "Od|Poslano|Za|Zadeva", "От|Изпратено|До|Относно",
        "De|Enviat|Per a|Assumpte", "Từ|Đã gửi|Tới|Chủ đề", "จาก|ส่ง|ถึง|เรื่อง", "Dari|Dikirim|Kepada|Perihal", "Saatja|Saadetud|Adressaat|Teema",
        "No|Nosūtīts|Kam|Temats", "Nuo|Išsiųsta|Kam|Tema",
    ],
)  # fmt: skip
def test_a_copied_head_is_known_in_other_languages(names: str) -> None:
    values = ("Acme <support@acme.example>", "5. 4. 2023 10:02", "maria@example.org", "Re: x")
    block = "\n".join(f"{name}: {value}" for name, value in zip(names.split("|"), values, strict=True))
    assert replying(f"Call me.\n\n{block}\n\nHello") == "Call me."


@pytest.mark.parametrize(
    "line",
    [
        "Missatge de Acme <support@acme.example> del dia dc., 5 d’abr. 2023 a les 10:02:",
        "Στις Τετ 5 Απρ 2023 στις 10:02 π.μ., ο/η Acme <support@acme.example> έγραψε:",
        "Acme <support@acme.example> ezt írta (időpont: 2023. ápr. 5., Sze, 10:02):",
        "În mie., 5 apr. 2023 la 10:02, Acme <support@acme.example> a scris:",
        "\u202bבתאריך יום ד׳, 5 באפר׳ 2023 ב-10:02 מאת \u202aAcme\u202c\u200f <\u202asupport@acme.example\u202c\u200f>:\u202c",
        "في الأربعاء، ٥ أبريل ٢٠٢٣ في ١٠:٠٢ ص تمت كتابة ما يلي بواسطة Acme <support@acme.example>:",
        "Vào Th 4, 5 thg 4, 2023 vào lúc 10:02 Acme <support@acme.example> đã viết:",
        "บน พ. 5 เม.ย. 2023 เวลา 10:02 Acme <support@acme.example> เขียนว่า:",
        "Pada tanggal Rab, 5 Apr 2023 pukul 10.02 Acme <support@acme.example> menulis:",
        "बुध, 5 अप्रैल 2023 को 10:02 am बजे को Acme <support@acme.example> ने लिखा:",
        "На ср, 5.04.2023 г. в 10:02 Acme <support@acme.example> написа:",
        "st 5. 4. 2023 o 10:02 Acme <support@acme.example> napísal(a):",
        "sri, 5. tra 2023. u 10:02 Acme <support@acme.example> napisao je:",
        "5 Apr 2023, 10:02 by support@acme.example:",
        "---- On Wed, 05 Apr 2023 10:02:00 +0200 Acme <support@acme.example> wrote ---",
        "Quoting Acme <support@acme.example>:",
    ],
)
def test_attribution_lines_of_other_languages_and_programs_are_known(line: str) -> None:
    assert replying(f"Call me.\n\n{line}\n\n> Hello\n> you") == "Call me."


@pytest.mark.parametrize(
    "words",
    [
        "Hi,\nsee my answers below.", "My comments in red.", "Please find my replies inline:", "Siehe unten.", "Antworten im Text",
        "Voir mes réponses ci-dessous", "Ver abajo mis respuestas", "Risposte in rosso",
    ],
)  # fmt: skip
def test_answers_within_what_outlook_quotes_are_not_cut(words: str) -> None:
    """Outlook marks no line of a quote: who answers within it says so above."""
    block = "From: Acme <support@acme.example>\nSent: Wednesday, April 5, 2023 10:02 AM\nTo: maria@example.org\nSubject: Re: x"
    new = replying(f"{words}\n\n{block}\n\nDid it work?\nYES IT DID")
    assert new.startswith(words)
    assert "YES IT DID" in new


def replying(text: str) -> str:
    head = b"From: maria@example.org\r\nSubject: Re: x\r\nIn-Reply-To: <o@acme.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return read(head + text.encode(), trusted_servers=(), own_addresses=()).new

# ruff: noqa: E501 - tables read better whole
"""Texts and names in charsets that are labelled wrongly, in a vendor's dialect, or not at all."""

import pytest

from connectors.email.reading import Mail, read

MULTIBYTE = ["gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "iso-2022-jp", "hz-gb-2312"]


def reading(
    body: bytes, charset: str = "", *, name: bytes = b"", languages: tuple[str, ...] = (), said: str = ""
) -> Mail:
    """Read a mail with a text, which names a charset or none, and with a file that has a raw name."""
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    file = b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; " + (
        b'filename="' + name + b'"\r\n\r\nx\r\n'
    )
    raw = (
        b"From: a@example.org\r\n"
        + (f"Content-Language: {said}\r\n".encode() if said else b"")
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
        + kind.encode()
        + b"\r\n\r\n"
        + body
        + b"\r\n"
        + (file if name else b"")
        + b"--b--\r\n"
    )
    return read(raw, trusted_servers=(), own_addresses=(), languages=languages)


@pytest.mark.parametrize("charset", MULTIBYTE)
@pytest.mark.parametrize(
    "text", ["Prices 10–20 €, café", "café", "Где мой заказ?", "我的订单在哪里？", "ご注文の件です", "😀"]
)
def test_utf8_that_says_that_it_is_something_else_is_utf8(charset: str, text: str) -> None:
    assert reading(text.encode(), charset).new == text


@pytest.mark.parametrize(
    ("text", "charset"),
    [("联通", "gbk"), ("你好，订单", "gb2312"), ("請問", "big5"), ("注文", "shift_jis"), ("注文です", "euc-jp"), ("주문", "euc-kr")],
)  # fmt: skip
def test_a_rightly_labelled_charset_is_used(text: str, charset: str) -> None:
    assert reading(text.encode(charset), charset).new == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b$B-j;3ED\x1b(B", "㈱山田"),
        (b"\x1b$B-!\x1b(B 4711", "① 4711"),
        (b"\x1b$B-b\x1b(B 3", "№ 3"),
        (b"\x1b$B|b66MM\x1b(B", "髙橋様"),
        (b"\x1b$B-j;3ED\x1b(I123\x1b(B\r\n\r\nA", "㈱山田ｱｲｳ\n\nA"),
    ],
)
def test_japanese_as_windows_writes_it_is_read(data: bytes, text: str) -> None:
    assert reading(data, "iso-2022-jp").new == text


WESTERN = [
    "Hvor er min bestilling? Jeg får ikke svar på mine spørgsmål.",
    "I was charged twice this month, på kortet",
    "på kortet",
    "Var är min beställning? Ni får gärna svara.",
    "Wo ist meine Bestellung? Schöne Grüße",
    "Onde está a minha encomenda? Não recebi nenhuma confirmação.",
    "¿Dónde está mi pedido? No recibí ninguna confirmación.",
    "Où est ma commande ? C’est très ennuyeux, je n’ai rien reçu.",
    "Perché non è arrivato? È già passata una settimana.",
]


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize("charset", ["", "utf-8", "x-unknown"])
def test_a_western_text_without_a_true_label_is_read(text: str, charset: str) -> None:
    assert reading(text.encode("cp1252"), charset).new == text


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Gdzie jest moje zamówienie? Proszę o pilną odpowiedź, dziękuję.", "cp1250"),
        ("Kde je moje objednávka? Ještě jsem ji neobdržel, děkuji.", "cp1250"),
        ("Где мой заказ? Он до сих пор не пришёл, проверьте пожалуйста.", "cp1251"),
    ],
)
def test_other_texts_without_a_label_are_not_taken_for_western(text: str, charset: str) -> None:
    assert reading(text.encode(charset)).new == text


@pytest.mark.parametrize("name", ["发票.pdf", "订单截图.pdf", "合同扫描件.pdf", "屏幕截图.pdf", "增值税电子普通发票.pdf"])  # fmt: skip
@pytest.mark.parametrize("charset", ["", "utf-8", "gb2312", "us-ascii"])
def test_a_raw_chinese_name_of_a_file_is_read(name: str, charset: str) -> None:
    [file] = reading(b"hello", charset, name=name.encode("gbk")).attachments
    assert file.name == name


@pytest.mark.parametrize(
    ("name", "charset"),
    [("請求書.pdf", "euc-jp"), ("청구서.pdf", "euc-kr"), ("發票.pdf", "big5"), ("счёт.pdf", "windows-1251"), ("заказ.pdf", "koi8-r"), ("Größe.pdf", "iso-8859-1")],
)  # fmt: skip
def test_a_raw_name_of_a_file_is_read_as_the_text_of_its_mail_is(name: str, charset: str) -> None:
    [file] = reading(b"hello", charset, name=name.encode(charset)).attachments
    assert file.name == name


UNLABELLED = {
    "pl": (
        ["cp1250", "iso8859_2"],
        [
            "Proszę o zamówienie",
            "Gdzie jest moje zamówienie? Proszę o pilną odpowiedź, dziękuję.",
            "Dziękuję",
            "Kiedy przyjdzie paczka? Czekam już dwa tygodnie i nic.",
        ],
    ),
    "cs": (
        ["cp1250", "iso8859_2"],
        [
            "Kde je moje objednávka? Ještě jsem ji neobdržel, děkuji.",
            "Děkuji",
            "Prosím o fakturu, není v příloze.",
        ],
    ),
    "hu": (
        ["cp1250", "iso8859_2"],
        [
            "Hol van a rendelésem? Még nem érkezett meg, köszönöm.",
            "Köszönöm szépen",
            "Kérem, küldjék újra a számlát, nem nyílik meg.",
        ],
    ),
    "ro": (
        ["cp1250", "iso8859_2"],
        [
            "Unde este comanda mea? Aştept de două săptămâni.",
            "Mulţumesc",
            "Vă rog să îmi trimiteţi factura din nou.",
        ],
    ),
    "tr": (
        ["cp1254"],
        [
            "Siparişim nerede? İki haftadır bekliyorum, teşekkürler.",
            "Teşekkür ederim",
            "Faturayı açamıyorum, yardımcı olur musunuz?",
        ],
    ),
    "lt": (
        ["cp1257"],
        ["Kur mano užsakymas? Laukiu jau dvi savaites, ačiū.", "Ačiū", "Prašau atsiųsti sąskaitą iš naujo."],
    ),
    "ru": (
        ["cp1251", "koi8_r", "cp866"],
        [
            "Где мой заказ? Он до сих пор не пришёл, проверьте пожалуйста.",
            "Спасибо",
            "Заказ 4711",
            "Не могу открыть счёт, помогите.",
        ],
    ),
    "uk": (
        ["cp1251", "koi8_u"],
        [
            "Де моє замовлення? Воно ще не прийшло, перевірте будь ласка.",
            "Дякую",
            "Не можу відкрити рахунок.",
        ],
    ),
    "el": (
        ["cp1253", "iso8859_7"],
        ["Πού είναι η παραγγελία μου; Δεν την έχω λάβει ακόμα.", "Ευχαριστώ", "Δεν ανοίγει το τιμολόγιο."],
    ),
    "he": (["cp1255"], ["איפה ההזמנה שלי? היא עדיין לא הגיעה, תודה.", "תודה"]),
    "ar": (["cp1256"], ["أين طلبي؟ لم يصل بعد، شكرا لكم.", "شكرا"]),
    "th": (["cp874"], ["คำสั่งซื้อของฉันอยู่ที่ไหน ยังไม่ได้รับเลย", "ขอบคุณ"]),
    "ja": (
        ["cp932", "euc_jp"],
        ["注文した商品がまだ届きません。確認をお願いします。", "ありがとうございます", "請求書が開けません"],
    ),
    "zh": (
        ["gb18030", "big5"],
        ["我的订单在哪里？还没有收到，谢谢。", "謝謝您的幫助", "发票打不开，请帮忙。"],
    ),
    "ko": (["cp949"], ["제 주문은 어디에 있나요? 아직 받지 못했습니다.", "감사합니다"]),
    "da": (["cp1252"], ["Hvor er min bestilling? Jeg får ikke svar.", "på kortet"]),
    "de": (["cp1252"], ["Wo ist meine Bestellung? Schöne Grüße", "Grüße", "für 5 Stück"]),
    "pt": (["cp1252"], ["Onde está a minha encomenda? Não recebi nada.", "Não"]),
    "fr": (["cp1252"], ["Où est ma commande ? Je n’ai rien reçu.", "Ça ne marche pas, à bientôt"]),
}


@pytest.mark.long
@pytest.mark.parametrize("language", UNLABELLED)
@pytest.mark.parametrize("charset", ["", "utf-8", "x-unknown"])
def test_a_text_without_a_true_label_is_in_a_language_of_the_organization_or_the_mail(
    language: str, charset: str
) -> None:
    charsets, texts = UNLABELLED[language]
    for name in charsets:
        for text in texts:
            try:
                body = text.encode(name)
            except UnicodeError:
                continue  # Big5 has no simplified characters
            assert reading(body, charset, languages=("en", language)).new == text, name
            assert reading(body, charset, languages=("de",), said=f"{language}-XX").new == text, name
            long = reading(b"ok. " * 20_000 + body, charset, languages=("en", language)).new
            assert long.endswith(text), name


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize("languages", [("en", "de"), ("ru",), ("ja", "en"), ("el", "he"), ("zh",)])
def test_a_western_text_is_one_to_organizations_of_other_languages_too(
    text: str, languages: tuple[str, ...]
) -> None:
    assert reading(text.encode("cp1252"), languages=languages).new == text


def test_a_label_that_makes_sense_is_believed() -> None:
    for text in WESTERN:
        assert reading(text.encode("cp1252"), "iso-8859-1", languages=("pl", "ru")).new == text

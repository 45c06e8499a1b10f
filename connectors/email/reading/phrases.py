# ruff: noqa: E501 - patterns read better whole
"""Recognize what mail programs write around a quote, in many languages.

The tables of `mail-parser-reply` are the base, and ours complete them. They have no Portuguese, Norwegian,
Finnish, Turkish, Russian or Ukrainian, take "Thanks, I would like to know …" for a signature, and several of
them match no mail of today. Its parser is not used: it strips all indentation, and its patterns backtrack (60
KB of a hostile mail take it more than eight seconds). Here each pattern is tried on a few hundred characters,
a bounded number of times.
"""

import re
import unicodedata

from mailparser_reply.constants import MAIL_LANGUAGES  # type: ignore[import-untyped]

from connectors.email.reading.lines import PICTURE, without_pictures

_WROTE = """
    wrote|writes|schrieb|schrieben|hat geschrieben|a écrit|ecrit|écrit|a ecrit|escribió|escribio
    |ha escrito|escribiu|ha scritto|scrive|escreveu|escreve|schreef|geschreven|napisał
    |napisał\\(a\\)|napisała|napisana|napisany|pisze|nadesłał|skrev|skreiv|kirjoitti|napsal
    |napsal\\(a\\)|napsala|napísal|píše|yazdı|yazmış|написал|написал\\(a\\)|написала|пишет|писал
    |писал\\(а\\)|написав|написал\\(а\\)|написав\\(ла\\)|пише|写道|寫道|撰写|さんは書きました|書きました|書き込みました|のメール
    |missatge de|작성|쓴 글|님이 작성|썼습니다|작성했습니다|님이 작성하였습니다|έγραψε|a scris|írta|wrote the following|yazdi
"""
WROTE = re.compile(
    r"(?:^|[\s\d,>)\]\"'“”。、）年月日]|(?<=\d{2}))(?:"
    + "".join(_WROTE.split("\n")).replace("    ", "")
    + r")\b",
    re.I,
)

_ORIGINAL = """
    original message|original email|original mail|reply message|ursprüngliche nachricht
    |original-nachricht|originalnachricht|message d'origine|message d’origine|message original
    |message initial|mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht
    |oorspronkelijke bericht|origineel bericht|wiadomość oryginalna|oryginalna wiadomość
    |ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|oprindelig besked|oprindelig mail|opprinnelig melding
    |original melding|alkuperäinen viesti|původní zpráva|originální zpráva|původní e-mail
    |orijinal mesaj|özgün ileti|orijinal ileti|исходное сообщение|исходное письмо
    |оригинальное сообщение|пересылаемое сообщение ответ|вихідне повідомлення
    |оригінальне повідомлення|початкове повідомлення|元のメッセージ|元のメール|原始邮件|原邮件|原始郵件|原始郵件訊息|原始信件|원본 메시지
    |원본 메일|원래 메시지|original appointment|ursprünglicher termin
"""
_FORWARDED = """
    forwarded message|forwarded mail|weitergeleitete nachricht|weitergeleitete mail
    |message transféré|message transmis|mensaje reenviado|messaggio inoltrato|mensagem encaminhada
    |mensagem reencaminhada|doorgestuurd bericht|forwarded bericht|przekazana wiadomość
    |wiadomość przekazana|treść przekazanej wiadomości|vidarebefordrat meddelande
    |vidarebefordrat mejl|videresendt meddelelse|videresendt melding|videresendt e-post
    |välitetty viesti|edelleenlähetetty viesti|přeposlaná zpráva|iletilen mesaj|yönlendirilmiş ileti
    |iletilmiş mesaj|yönlendirilen mesaj|пересылаемое сообщение|переадресованное сообщение
    |перенаправленное сообщение|пересланное сообщение|переслане повідомлення
    |перенаправлене повідомлення|转发的邮件|转发邮件信息|轉寄的郵件|轉寄郵件|forwarded by|転送されたメッセージ|転送メッセージ|전달된 메일
    |전달된 메시지|forwarded message from
"""
_BEGIN_FORWARDED = """
    begin forwarded message|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail
    |début du message réexpédié|début du message transféré|inicio del mensaje reenviado
    |inizio messaggio inoltrato|início da mensagem reencaminhada|início da mensagem encaminhada
    |begin doorgestuurd bericht|początek przekazywanej wiadomości
    |początek wiadomości przekazanej dalej|vidarebefordrat brev|vidarebefordrat mejl
    |start på videresendt besked|start på videresendt e-mail|videresendt melding
    |begynnelse på videresendt melding|välitetty viesti alkaa|välitetty viesti
    |začátek přeposlané zprávy|iletilmiş mesajın başlangıcı|начало переадресованного сообщения
    |переадресоване повідомлення|початок листа, що пересилається|下面是被转发的邮件|開始轉寄郵件|転送されたメッセージ|전달된 메시지
"""


def _words(table: str) -> str:
    return "|".join(re.escape(word.strip()) for word in table.replace("\n", "").split("|"))


_RULE = r"[-—–_=*─━]{2,}"
ORIGINAL = re.compile(rf"^(?:{_RULE}\s*(?:{_words(_ORIGINAL)})\s*:?\s*{_RULE}|-+\s*\S.{{0,200}}\b(?:wrote|schrieb|a écrit|ha scritto|escribió|escreveu|schreef|skrev):?\s*-{{3,}})$", re.I)  # fmt: skip
# Phrases that, without rules around them, begin a quote only above a copied header block.
ORIGINAL_ALONE = re.compile(
    rf"^(?:(?:{_words(_ORIGINAL)})\s*:?|(?:>\s?)?message du \d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}.{{0,20}})$",
    re.I,
)
FORWARDED = re.compile(rf"^(?:{_RULE}\s*(?:{_words(_FORWARDED)})\b.{{0,200}}|(?:{_words(_BEGIN_FORWARDED)})\s*[:：])$", re.I)  # fmt: skip
# Phrases of authors who answer inside a quote that has no marked lines.
_WITHIN = """
    (?:answers?|comments?|repl(?:y|ies)|responses?)(?: are)? (?:below|in ?line|in (?:red|blue|green|bold|the text))
    |see (?:below|in ?line)|in ?line (?:below|answers?|comments?)|siehe (?:unten|im text)
    |antwort(?:en)? (?:unten|im text|in (?:rot|blau|grün))|anmerkungen (?:unten|im text|in (?:rot|blau|grün))
    |(?:voir|réponses?|commentaires?)(?: \\S+){0,2} (?:ci-dessous|plus bas|en (?:rouge|bleu|vert))
    |(?:ver|respuestas?|respostas?|comentarios?)(?: \\S+)? (?:más abajo|abajo|abaixo|en rojo|en azul|em vermelho|em azul)
    |(?:vedi|risposte|commenti)(?: \\S+)? (?:sotto|in rosso|in blu)|zie (?:hieronder|onder)|se (?:nedan|nedenfor)
"""
ANSWERS_WITHIN = re.compile("".join(f"{line[4:]}" for line in _WITHIN.split("\n")), re.I)
RULE_LINE = re.compile(r"^[-_=*─━\\]{3,}$|^(?:\* ){2,}\*$")

REPLY_PREFIX = re.compile(r"^\s*(?:re|aw|antw|antwort|sv|vs|odp|rif|ref|res|rép|ynt|cvp|отв|відп|回复|回覆|答复|返信|답장|회신)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]", re.I)  # fmt: skip
FORWARD_PREFIX = re.compile(r"^\s*(?:fwd?|wg|tr|rv|reenv|i|enc|doorst|pd|vb|vl|videresendt|ilt|i̇lt|пересл|hа|转发|轉寄|転送|전달)\s*(?:\[\d+\])?\s*[:：]", re.I)  # fmt: skip

_LABELS = {
    "from": "from von de da van od från fra lähettäjä kimden gönderen от відправник від 发件人 寄件者 寄件人 差出人 送信者 보낸사람"
    " 보낸이 od: отправитель 보낸 送件人 mittente expéditeur remitente remetente afzender nadawca avsändare afsender avsender odesílatel"
    " de\xa0 发信人 からの"
    " feladó από de\xa0la מאת من từ จาก dari saatja no nuo",
    "date": "sent date gesendet datum envoyé data enviado enviada fecha inviato data: verzonden wysłano data skickat dato sendt"
    " lähetetty päiväys päivämäärä odesláno gönderildi tarih gönderme отправлено дата надіслано 发送时间 日期 时间 寄件日期 傳送時間"
    " 送信日時 日時 日付 보낸날짜 날짜 보낸시간 보냄 发送日期 발송 enviado\xa0el datum/uhrzeit 傳送日期 date\xa0d'envoi"
    " elküldve dátum στάλθηκε ημερομηνία trimis odoslané נשלח תאריך تم\xa0الإرسال التاريخ poslano datum изпратено enviat đã\xa0gửi ngày ส่ง วันที่ dikirim saadetud nosūtīts išsiųsta",
    "to": "to an à para a aan do till til vastaanottaja vast. kime komu alıcı кому для 收件人 宛先 받는사람 받는이 受信者 destinataire"
    " destinatario destinatário geadresseerde 받는 收信人 수신"
    " címzett προς către אל إلى za до per\xa0a tới đến ถึง kepada adressaat kam",
    "cc": "cc kopie copie copia kopia kopi kopio bilgi копия копія 抄送 副本 참조 dw copy cc: cópia 사본 同本文送"
    " másolatot\xa0kap κοιν. kópia kopija עותק نسخة",
    "subject": "subject betreff objet asunto oggetto assunto onderwerp temat ämne emne aihe předmět konu тема 主题 主旨 件名 제목 標題"
    " subject: sujet"
    " tárgy θέμα subiect predmet zadeva נושא الموضوع относно assumpte chủ\xa0đề เรื่อง perihal subjek teema temats tema",
    "reply-to": "reply-to antwort\xa0an responder\xa0a",
}
LABELS = {
    label.strip(":").replace("\xa0", " "): role
    for role, words in _LABELS.items()
    for label in words.split(" ")
    if label.strip(":\xa0")
}
_LABEL = re.compile(r"^([^:：\d<>@]{1,24}?)\s*[:：](?!//)\s*(.*)$")

# Closings before a name and a signature. "Thanks" is no closing: it may be the whole message.
_CLOSINGS = """
    (?:(?:with )?(?:best|kind|kindest|warm|warmest|many|very best) )?(?:regards|wishes)|all the best
    |yours (?:sincerely|faithfully|truly)|sincerely(?: yours)?|cheers|cordially|respectfully
    |mit (?:freundlichen|besten|herzlichen|lieben|vielen) grüßen|mit (?:freundlichen
    |besten) gruessen|mit (?:freundlichem|bestem|herzlichem) gruß|(?:viele|liebe|beste|herzliche
    |schöne|freundliche|sonnige) (?:grüße|gruesse|grüsse)|mfg|lg|vg|gruß|grüße|hochachtungsvoll
    |(?:bien )?cordialement|(?:bien|très) cordialement|salutations|sincères salutations
    |meilleures salutations|bien à vous|cdlt|(?:un )?(?:cordial )?saludos?
    |(?:un )?saludo(?: cordial)?|saludos cordiales|atentamente|cordialmente|atte|(?:cordiali
    |distinti|cari) saluti|saluti|un saluto|cordialità|atenciosamente
    |(?:com os )?(?:melhores )?cumprimentos|att|abraços|abraço|(?:met )?(?:vriendelijke
    |hartelijke) (?:groet|groeten)|groeten|groetjes|mvg|hoogachtend|z poważaniem
    |(?:z )?pozdrowieniami|pozdrawiam(?: serdecznie)?|(?:med )?(?:vänliga|bästa|venlig|vennlig
    |vennlige|venlige|bedste|beste|med) (?:hälsningar|hilsen|hilsner|hälsning)|(?:med )?(?:venlig
    |vennlig) hilsen|mvh|hälsningar|hilsen|ystävällisin terveisin|terveisin|(?:parhain
    |ystävällisin) terveisin|t\\.|s pozdravem|s přátelským pozdravem|s úctou|(?:hezký|pěkný) den
    |saygılarımla|saygılarımızla|iyi çalışmalar|sevgiler|с уважением|с наилучшими пожеланиями
    |всего доброго|з повагою|з найкращими побажаннями|此致|敬礼|祝好|顺颂商祺|敬上|よろしくお願いいたします|よろしくお願いします|敬具|以上
    |감사합니다|안녕히 계세요|드림|올림
"""
CLOSING = re.compile(
    r"^(?:" + "".join(part.strip() for part in _CLOSINGS.split("\n")) + r")\s*[,.!，。、!]*$", re.I
)
# Contact details in a signature: a telephone number, an address, a site.
REACHED = re.compile(r"https?://|www\.|\S@\S|\+\d{2}|\b0\d[\d ()/.-]{5,}|\(\d|\b(?:tel|telefon|phone|fon|mob|mobil|mobile|cell|fax|tlf|tél)\b", re.I)  # fmt: skip
# `Order number: 4711`, `Kundennr. 4711`: the number of a thing is no part of a signature.
_NUMBERED = re.compile(
    r"\b(?:order|invoice|customer|account|serial|model|ticket|case|reference|contract|policy|tracking|booking"
    r"|bestell|auftrag|kunden|rechnung|serien|vertrag|modell|buchung|sendung|commande|facture|client|contrat|modèle"
    r"|pedido|factura|cliente|contrato|modelo|serie|ordine|fattura|encomenda|ordre|ordernummer|faktura|kunde|klant)"
    r"[^\W\d_]*\b[^\d+]{0,20}\d{2,}",
    re.I,
)
# `2 lamps`, `3 x Stuhl`, `- a chair`. `12 rue du Port` is an address.
_ITEM = re.compile(
    r"^(?:\d{1,4}\s?[x×]\s|[-*•·]\s+(?=[^\W\d_A-ZÀ-ÞА-Я]|\d)"
    r"|\d{1,4}\s(?!(?:rue|av|avenue|bd|boulevard|place|allée|chemin|impasse|quai|cours|route|square|via)\b)(?=[a-zß-ÿа-я]))"
)
_MIN_SENTENCE = 4  # words
_LETTERS = re.compile(r"[^\W\d_]+")
_DEVICE = r"""
    (?:iphon\w*|ipad\w*|ipod|galaxy|android|samsung|blackberry|huawei|xiaomi|pixel|smartphone|handy
    |mobil\w*|móvil|celular|telefon\w*|telefoon|téléphone|phone|tablet|gmail|outlook|yahoo|aol|proton\w*
    |gmx|web\.de|t-online|mail|mac|windows|thunderbird|tuta\w*|posteo|почт\w*|пошт\w*|nokia|sony\w*|oneplus
    |motorola)
"""
# Each line names a device or program and has few words. "Outlook does not open my mail" is not one.
_MOBILE = r"""
    (?:sent|verschickt|gesendet|envoyé|enviado|enviada|inviato|verstuurd|verzonden|wysłan[eo]|skickat|sendt
    |odesláno|отправлено|надіслано) (?:from|with|via|using|von|mit|über|de|depuis|avec|à partir de|desde|con|do
    |da|dal|pelo|vanaf|met|vanuit|z|ze|från|fra|med|pomocí|с|со|из|з|із|через) \S+(?: \S+){0,5}
    |lähetetty \S+(?: \S+){0,2}|von meine[mr] \S+(?: \S+){0,4} (?:gesendet|verschickt)
    |diese (?:nachricht|mail|e-mail) wurde (?:von|mit) \S+(?: \S+){0,7} (?:gesendet|verschickt)
    |(?:get|obtenez|obtener|ottieni|obter|obtenha|hent|hämta|hanki|pobierz|télécharge[rz]|download|získejte
    |скачать|отримати|завантажити|holen sie sich|获取|取得) outlook \S+(?: \S+){0,3}
    |\S+から送信|发自我的 ?\S+(?: \S+){0,2}|[從从]我的 ?\S+(?: \S+){0,3} ?(?:傳送|寄出|发送)
    |(?:나의|내) \S+(?: \S+){0,3}에서 보냄|\S+(?:dan|den) gönderildi
"""


def _joined(table: str) -> str:
    return "".join(line[4:] for line in table.split("\n"))


_NAMES_DEVICE = re.compile(_joined(_DEVICE), re.I)
_LIBRARY_SENT = "|".join(table["sent_from"] for table in MAIL_LANGUAGES.values() if table.get("sent_from"))
_SENT_FROM = re.compile(rf"^(?:{_joined(_MOBILE)}|(?:{_LIBRARY_SENT})(?: [^ ]+){{0,4}})$", re.I)
_LIBRARY_WROTE = [
    re.compile(table["wrote_header"], re.I | re.M)
    for table in MAIL_LANGUAGES.values()
    if "wrote_header" in table
]
# Lines that virus scanners put below every mail.
NOTICE = re.compile(
    r"^\W*(?:virus-free\b|virenfrei\b|(?:this|diese) (?:e-?mail|message) (?:has been|was|wurde) (?:checked|scanned|von avast)"
    r"|(?:scanned|checked) (?:by|for) (?:avast|avg|viruses))",
    re.I,
)
FOOTER = re.compile(
    r"virus-free|virenfrei|avast\.com|avg\.com|scanned by|checked for viruses|auf viren (?:geprüft|untersucht)"
    r"|you received this (?:message|email) because you are subscribed|mailing list\b|unsubscribe from this group",
    re.I,
)
DISCLAIMER = re.compile(
    r"confidential|privileged|intended (?:only |solely )?for|disclaimer|vertraulich|confidentiel|confidencial|riservat"
    r"|vertrouwelijk|poufn|konfidentiell|fortrolig|luottamuksellinen|důvěrn|gizli|конфиденциальн|конфіденційн"
    r"|environment before printing",
    re.I,
)
_MARKUP = re.compile(r"\[([^\[\]]{0,500})\]\((?:[^()\s]|\([^()\s]*\)){0,2000}\)")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")


# This prefix means "forwarded" in Danish and Norwegian, but "answer" in Finnish.
_AMBIGUOUS_PREFIX = re.compile(r"^\s*vs\s*[:：]", re.I)


def forwarding(subject: str, text: str) -> bool:
    """Return True if the subject says that `text` is a forwarded mail."""
    if _AMBIGUOUS_PREFIX.match(subject):
        return "Fra:" in text
    return FORWARD_PREFIX.match(subject) is not None


def bare(line: str) -> str:
    """Return a line without what hides its words: links, emphasis, invisible characters, odd spaces."""
    line = without_pictures(line[:2_000])[0] if PICTURE in line else line[:2_000]
    line = _MARKUP.sub(r"\1", line) if "](" in line else line
    line = _INVISIBLE.sub("", unicodedata.normalize("NFC", line))
    return re.sub(r"\s+", " ", line.replace("mailto:", "").replace("**", "").replace("__", "")).strip(" *\\")


def label(line: str) -> str | None:
    """Return the role of a header line that was copied into the text: "from" for `Von: …`.

    Return None for other lines.
    """
    match = _LABEL.match(bare(line))
    if match is None:
        return None
    return LABELS.get(re.sub(r"[\s*]+", " ", match[1]).strip().lower()) or LABELS.get(
        re.sub(r"\s", "", match[1]).lower()
    )


def asks(text: str) -> bool:
    """Return True if a line below a closing phrase continues the mail, wherever it stands."""
    if text.endswith(("?", "？")) or text.upper().startswith(("P.S", "PS:", "PS.", "PPS")):
        return True
    numbered = _NUMBERED.search(text) is not None and REACHED.search(text) is None
    return numbered or _ITEM.match(text) is not None


def says(text: str) -> bool:
    """Return True if a line is a sentence, and not a name, title or address."""
    if "。" in text:
        return True
    words = _LETTERS.findall(text)
    small = sum(word[0].islower() for word in words)
    whole = text[0].islower() or text.endswith((".", "!"))
    return len(words) >= _MIN_SENTENCE and whole and small * 2 > len(words)


def is_mobile(line: str) -> bool:
    """Return True for `Sent from my iPhone` in any language. A whole sentence never counts."""
    line = bare(line).rstrip(".!").lstrip("-–—~ ")
    if len(line) > 90 or _NAMES_DEVICE.search(line) is None:
        return False
    return _SENT_FROM.match(re.sub(r"<[^<>]*>", "", line).strip()) is not None


def library_knows(window: str) -> bool:
    return any(pattern.match(window) for pattern in _LIBRARY_WROTE)

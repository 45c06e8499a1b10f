# ruff: noqa: E501 - tables and markup read better whole
"""Phrases of mail programs in each language, as their users have them in their mailboxes."""

from dataclasses import dataclass

ADDRESS = "support@acme.example"
WHO = "Acme Support"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    code: str
    charset: str  # what older programs of the country still send
    body: str  # what the customer newly writes
    bottom: str  # a second piece of it, for answers below or between
    quoted: str  # what they answer
    gmail: str  # attribution lines: {who}, {address}
    apple: str
    thunderbird: str
    outlook: tuple[str, str, str, str]  # From, Sent, To, Subject
    original: str
    forwarded: str
    sent_from: str
    closing: str
    forward_prefix: str
    date: str


def _t(code: str, charset: str, body: str, bottom: str, quoted: str, gmail: str, apple: str, thunderbird: str,
       outlook: str, original: str, forwarded: str, sent_from: str, closing: str, forward_prefix: str, date: str) -> Tongue:  # fmt: skip
    names = outlook.split("|")
    return Tongue(
        code=code, charset=charset, body=body, bottom=bottom, quoted=quoted, gmail=gmail, apple=apple,
        thunderbird=thunderbird, outlook=(names[0], names[1], names[2], names[3]), original=original,
        forwarded=forwarded, sent_from=sent_from, closing=closing, forward_prefix=forward_prefix, date=date,
    )  # fmt: skip


TONGUES = [
    _t("en", "iso-8859-1", "The invoice is still wrong.\nCan you check order 4711 again?", "Yes, that one worked.",
       "Hello,\nwe have corrected it.\nDid it work?",
       "On Wed, Apr 5, 2023 at 10:02 AM {who} <{address}> wrote:", "On 5. Apr 2023, at 10:02, {who} <{address}> wrote:",
       "On 05.04.23 10:02, {who} wrote:", "From|Sent|To|Subject", "Original Message", "Forwarded message",
       "Sent from my iPhone", "Kind regards,", "FW", "Wednesday, April 5, 2023 10:02 AM"),
    _t("de", "iso-8859-1", "Die Rechnung ist immer noch falsch.\nKönnen Sie Bestellung 4711 prüfen?", "Ja, das ging.",
       "Guten Tag,\nwir haben es berichtigt.\nGeht es jetzt?",
       "Am Mi., 5. Apr. 2023 um 10:02 Uhr schrieb {who} <{address}>:", "Am 05.04.2023 um 10:02 schrieb {who} <{address}>:",
       "Am 05.04.23 um 10:02 schrieb {who}:", "Von|Gesendet|An|Betreff", "Ursprüngliche Nachricht",
       "Weitergeleitete Nachricht", "Von meinem iPhone gesendet", "Mit freundlichen Grüßen", "WG",
       "Mittwoch, 5. April 2023 10:02"),
    _t("fr", "iso-8859-15", "La facture est toujours fausse.\nPouvez-vous vérifier la commande 4711 ?", "Oui, ça marche.",
       "Bonjour,\nnous l'avons corrigée.\nEst-ce bon ?",
       "Le mer. 5 avr. 2023 à 10:02, {who} <{address}> a écrit :", "Le 5 avr. 2023 à 10:02, {who} <{address}> a écrit :",
       "Le 05/04/2023 à 10:02, {who} a écrit :", "De|Envoyé|À|Objet", "Message d'origine", "Message transféré",
       "Envoyé de mon iPhone", "Cordialement,", "TR", "mercredi 5 avril 2023 10:02"),
    _t("es", "windows-1252", "La factura sigue mal.\n¿Pueden revisar el pedido 4711?", "Sí, ese funcionó.",
       "Hola:\nla hemos corregido.\n¿Funciona?",
       "El mié, 5 abr 2023 a las 10:02, {who} (<{address}>) escribió:", "El 5 abr 2023, a las 10:02, {who} <{address}> escribió:",
       "El 5/4/23 a las 10:02, {who} escribió:", "De|Enviado|Para|Asunto", "Mensaje original", "Mensaje reenviado",
       "Enviado desde mi iPhone", "Saludos cordiales,", "RV", "miércoles, 5 de abril de 2023 10:02"),
    _t("it", "iso-8859-1", "La fattura è ancora sbagliata.\nPotete controllare l'ordine 4711?", "Sì, quello funziona.",
       "Buongiorno,\nl'abbiamo corretta.\nFunziona?",
       "Il giorno mer 5 apr 2023 alle ore 10:02 {who} <{address}> ha scritto:",
       "Il giorno 5 apr 2023, alle ore 10:02, {who} <{address}> ha scritto:",
       "Il 05/04/2023 10:02, {who} ha scritto:", "Da|Inviato|A|Oggetto", "Messaggio originale", "Messaggio inoltrato",
       "Inviato da iPhone", "Cordiali saluti", "I", "mercoledì 5 aprile 2023 10:02"),
    _t("pt", "iso-8859-1", "A fatura continua errada.\nPodem verificar o pedido 4711?", "Sim, esse funcionou.",
       "Olá,\njá corrigimos.\nFunciona?",
       "Em qua., 5 de abr. de 2023 às 10:02, {who} <{address}> escreveu:",
       "No dia 5 de abr. de 2023, à(s) 10:02, {who} <{address}> escreveu:",
       "Em 05/04/2023 10:02, {who} escreveu:", "De|Enviado|Para|Assunto", "Mensagem original", "Mensagem encaminhada",
       "Enviado do meu iPhone", "Atenciosamente,", "ENC", "quarta-feira, 5 de abril de 2023 10:02"),
    _t("nl", "iso-8859-1", "De factuur klopt nog steeds niet.\nKunt u bestelling 4711 nakijken?", "Ja, dat werkt.",
       "Hallo,\nwe hebben het aangepast.\nWerkt het?",
       "Op wo 5 apr 2023 om 10:02 schreef {who} <{address}>:", "Op 5 apr. 2023, om 10:02 heeft {who} <{address}> het volgende geschreven:",
       "Op 05-04-2023 om 10:02 schreef {who}:", "Van|Verzonden|Aan|Onderwerp", "Oorspronkelijk bericht",
       "Doorgestuurd bericht", "Verstuurd vanaf mijn iPhone", "Met vriendelijke groet,", "FW", "woensdag 5 april 2023 10:02"),
    _t("pl", "iso-8859-2", "Faktura wciąż jest błędna.\nCzy możecie sprawdzić zamówienie 4711?", "Tak, to działa.",
       "Dzień dobry,\npoprawiliśmy ją.\nCzy działa?",
       "śr., 5 kwi 2023 o 10:02 {who} <{address}> napisał(a):", "Wiadomość napisana przez {who} <{address}> w dniu 5 kwi 2023, o godz. 10:02:",
       "W dniu 05.04.2023 o 10:02, {who} pisze:", "Od|Wysłano|Do|Temat", "Wiadomość oryginalna", "Przekazana wiadomość",
       "Wysłane z iPhone'a", "Z poważaniem", "PD", "środa, 5 kwietnia 2023 10:02"),
    _t("sv", "iso-8859-1", "Fakturan är fortfarande fel.\nKan ni kontrollera order 4711?", "Ja, det fungerade.",
       "Hej,\nvi har rättat den.\nFungerar det?",
       "Den ons 5 apr. 2023 kl 10:02 skrev {who} <{address}>:", "5 apr. 2023 kl. 10:02 skrev {who} <{address}>:",
       "Den 2023-04-05 kl. 10:02, skrev {who}:", "Från|Skickat|Till|Ämne", "Ursprungligt meddelande",
       "Vidarebefordrat meddelande", "Skickat från min iPhone", "Med vänliga hälsningar", "VB", "den 5 april 2023 10:02"),
    _t("da", "iso-8859-1", "Fakturaen er stadig forkert.\nKan I tjekke ordre 4711?", "Ja, det virkede.",
       "Hej,\nvi har rettet den.\nVirker det?",
       "ons. 5. apr. 2023 kl. 10.02 skrev {who} <{address}>:", "Den 5. apr. 2023 kl. 10.02 skrev {who} <{address}>:",
       "Den 05.04.2023 kl. 10.02 skrev {who}:", "Fra|Sendt|Til|Emne", "Oprindelig meddelelse", "Videresendt meddelelse",
       "Sendt fra min iPhone", "Med venlig hilsen", "VS: FW", "5. april 2023 10:02"),
    _t("nb", "iso-8859-1", "Fakturaen er fortsatt feil.\nKan dere sjekke ordre 4711?", "Ja, det virket.",
       "Hei,\nvi har rettet den.\nVirker det?",
       "ons. 5. apr. 2023 kl. 10:02 skrev {who} <{address}>:", "5. apr. 2023 kl. 10:02 skrev {who} <{address}>:",
       "Den 05.04.2023 10:02, skrev {who}:", "Fra|Sendt|Til|Emne", "Opprinnelig melding", "Videresendt melding",
       "Sendt fra min iPhone", "Vennlig hilsen", "Videresendt", "onsdag 5. april 2023 10:02"),
    _t("fi", "iso-8859-15", "Lasku on yhä väärin.\nVoitteko tarkistaa tilauksen 4711?", "Kyllä, se toimi.",
       "Hei,\nkorjasimme sen.\nToimiiko se?",
       "ke 5. huhtik. 2023 klo 10.02 {who} ({address}) kirjoitti:", "{who} <{address}> kirjoitti 5.4.2023 kello 10.02:",
       "{who} kirjoitti 5.4.2023 klo 10.02:", "Lähettäjä|Lähetetty|Vastaanottaja|Aihe", "Alkuperäinen viesti",
       "Välitetty viesti", "Lähetetty iPhonesta", "Ystävällisin terveisin", "VL", "keskiviikko 5. huhtikuuta 2023 10.02"),
    _t("cs", "windows-1250", "Faktura je stále špatně.\nMůžete zkontrolovat objednávku 4711?", "Ano, to funguje.",
       "Dobrý den,\nopravili jsme ji.\nFunguje to?",
       "st 5. 4. 2023 v 10:02 odesílatel {who} <{address}> napsal:", "5. 4. 2023 v 10:02, {who} <{address}>:",
       "Dne 05.04.2023 v 10:02 {who} napsal(a):", "Od|Odesláno|Komu|Předmět", "Původní zpráva", "Přeposlaná zpráva",
       "Odesláno z iPhonu", "S pozdravem", "FW", "středa 5. dubna 2023 10:02"),
    _t("tr", "iso-8859-9", "Fatura hâlâ yanlış.\n4711 numaralı siparişi kontrol eder misiniz?", "Evet, o çalıştı.",
       "Merhaba,\ndüzelttik.\nÇalışıyor mu?",
       "{who} <{address}>, 5 Nis 2023 Çar, 10:02 tarihinde şunu yazdı:",
       "{who} <{address}> şunları yazdı (5 Nis 2023 10:02):", "5.04.2023 10:02 tarihinde {who} yazdı:",
       "Kimden|Gönderildi|Kime|Konu", "Orijinal Mesaj", "İletilen Mesaj", "iPhone'umdan gönderildi", "Saygılarımla",
       "İLT", "5 Nisan 2023 Çarşamba 10:02"),
    _t("ru", "koi8-r", "Счёт всё ещё неверный.\nПроверьте, пожалуйста, заказ 4711.", "Да, это помогло.",
       "Здравствуйте,\nмы исправили его.\nРаботает?",
       "ср, 5 апр. 2023 г. в 10:02, {who} <{address}>:", "5 апр. 2023 г., в 10:02, {who} <{address}> написал(а):",
       "05.04.2023 10:02, {who} пишет:", "От|Отправлено|Кому|Тема", "Исходное сообщение", "Пересылаемое сообщение",
       "Отправлено с iPhone", "С уважением,", "FW", "среда, 5 апреля 2023 г. 10:02"),
    _t("uk", "windows-1251", "Рахунок досі неправильний.\nПеревірте, будь ласка, замовлення 4711.", "Так, це допомогло.",
       "Вітаємо,\nми його виправили.\nПрацює?",
       "ср, 5 квіт. 2023 р. о 10:02 {who} <{address}> пише:", "5 квіт. 2023 р. о 10:02 {who} <{address}> пише:",
       "05.04.23 10:02, {who} пише:", "Від|Надіслано|Кому|Тема", "Вихідне повідомлення", "Переслане повідомлення",
       "Надіслано з iPhone", "З повагою,", "FW", "середа, 5 квітня 2023 р. 10:02"),
    _t("ja", "iso-2022-jp", "請求書がまだ間違っています。\n注文4711をもう一度確認してください。", "はい、それは動きました。",
       "こんにちは。\n修正しました。\nいかがでしょうか。",
       "2023年4月5日(水) 10:02 {who} <{address}>:", "2023/04/05 10:02、{who} <{address}>のメール:",
       "On 2023/04/05 10:02, {who} wrote:", "差出人|送信日時|宛先|件名", "元のメッセージ", "転送されたメッセージ",
       "iPhoneから送信", "よろしくお願いいたします。", "転送", "2023年4月5日 10:02"),
    _t("zh", "gb2312", "发票还是不对。\n请再检查一下订单4711。", "是的，那个可以了。", "您好，\n我们已经更正。\n可以了吗？",
       "{who} <{address}> 于2023年4月5日周三 10:02写道：", "2023年4月5日 10:02，{who} <{address}> 写道：",
       "在 2023/4/5 10:02, {who} 写道:", "发件人|发送时间|收件人|主题", "原始邮件", "转发的邮件", "发自我的 iPhone",
       "祝好", "转发", "2023年4月5日 10:02"),
    _t("ko", "euc-kr", "청구서가 아직 잘못되었습니다.\n주문 4711을 다시 확인해 주세요.", "네, 그건 됐습니다.",
       "안녕하세요,\n수정했습니다.\n이제 되나요?",
       "2023년 4월 5일 (수) 오전 10:02, {who} <{address}>님이 작성:", "2023. 4. 5. 오전 10:02, {who} <{address}> 작성:",
       "2023-04-05 오전 10:02에 {who} 이(가) 쓴 글:", "보낸 사람|보낸 날짜|받는 사람|제목", "원본 메시지", "전달된 메시지",
       "나의 iPhone에서 보냄", "안녕히 계세요.", "전달", "2023년 4월 5일 수요일 오전 10:02"),
]  # fmt: skip

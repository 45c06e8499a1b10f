"""Continue in another channel: "send this to my email". An address is linked only once a code verified it.

The code goes to the address and comes back from the chat where the customer is known. Whoever has both is one
person.
"""

import hashlib
import hmac
import re
from datetime import timedelta

from bot.core.connector import Begin
from bot.core.conversation import Message, MessageState, Proof, Role
from bot.core.effects import AddMessage, ChangeMessage, CompleteVerification, StartVerification
from bot.core.errors import Refused
from bot.core.events import Event, Said
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns.bursts import is_burst
from bot.turns.story import seen_by_customer, told_to_customer
from bot.turns.turn import SYSTEM, Turn
from orgs.answering.tokens import fold
from orgs.routing import find_account
from orgs.specification.organization import Serves
from orgs.specification.texts import fill

CODE_LIVES = timedelta(minutes=15)
MAX_TRIES = 5  # wrong codes and repeated sendings, together, within CODE_LIVES
_ONLY_A_CODE = 40  # characters: a longer text with six digits says something else as well
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}")
# Words that ask for an answer there: somebody may also only mention an address.
_ASKS = re.compile(
    r"\b(send|mail|e-?mail|continue|go on|carry on|reply|answer|write|reach|contact"
    r"|schick\w*|send\w*|schreib\w*|weiter|envo[iy]e\w*|continu\w*|ecri\w*|envi\w*|mand\w*|escrib\w*|sig[au]\w*"
    r"|invia\w*|scriv\w*|stuur\w*|escrev\w*)\b"
)
_REDACTED = "[code]"
_CODE = re.compile(r"\b(\d{3})[ -]?(\d{3})\b")


def hear(turn: Turn, event: Event, message: Message) -> bool:
    """Handle a wish to continue in another channel, or a code. Return whether the message is answered."""
    if not isinstance(event.content, Said) or event.shared or not event.private:
        return False
    if not event.sender.verified:
        return False
    proof = turn.memory.proof
    if proof is not None and (typed := _CODE.search(event.content.text)):
        alone = len(event.content.text) <= _ONLY_A_CODE
        code = typed[1] + typed[2]
        if (text := without_code(turn, message.text)) != message.text:
            # Neither staff nor an agent nor the next mail need to read it.
            turn.add(ChangeMessage(message.id, state=MessageState.NOTE if alone else None, text=text))
        if _is_awaited(proof):
            return _typed(turn, proof, code, alone=alone)
        if _is_the_code(proof, code) and alone:
            _answer(turn, turn.texts.code_too_old)
            return True
    found = _ADDRESS.search(event.content.text)
    if found is None or not _ASKS.search(fold(event.content.text.replace(found[0], ""))):
        return False
    return _offer(turn, found[0].casefold())


def _answer(turn: Turn, text: str) -> None:
    """Send a reply that may be repeated, but not to somebody in a burst."""
    if not is_burst(turn):
        turn.say(text, ahead=True)


def without_code(turn: Turn, text: str, before: str = "") -> str:
    """Return what a customer wrote without the code that was sent to them, also where it is settled.

    While a code is awaited, a text that is nothing else is taken for one. `before` is what an edit replaces:
    where a code was taken out of that, every number that may be one is taken out of the new text.
    """
    proof = turn.memory.proof

    def is_code(typed: re.Match[str]) -> bool:
        if _REDACTED in before:
            return True
        alone = typed[0] == text.strip()
        return proof is not None and (
            _is_the_code(proof, typed[1] + typed[2]) or (alone and _is_awaited(proof))
        )

    return _CODE.sub(lambda typed: _REDACTED if is_code(typed) else typed[0], text)


def _is_awaited(proof: Proof) -> bool:
    return not proof.settled and proof.tries < MAX_TRIES


def _is_the_code(proof: Proof, code: str) -> bool:
    return hmac.compare_digest(_digest(proof.subject, code), proof.digest)


def _offer(turn: Turn, address: str) -> bool:
    """Send a code to the address. Return False if the organization has no account that could."""
    for account, begin in turn.rules.begin.items():
        declared = find_account(turn.organization, account)
        here = turn.view.conversation.place.account
        if declared is not None and declared.serves is Serves.CUSTOMERS and account != here:
            return _send_code(turn, begin, address)
    return False


def _send_code(turn: Turn, begin: Begin, address: str) -> bool:
    organization, texts = turn.organization.display_name, turn.texts
    before = turn.memory.proof
    again = before is not None and not before.settled and turn.now <= before.expires_at
    tries = before.tries + 1 if before is not None and again else 0
    if tries > MAX_TRIES:
        _answer(turn, turn.texts.codes_too_many)
        return True
    try:
        place, context = begin(address, fill(texts.story_subject, organization=organization))
    except Refused as error:
        turn.explain("desk", f"no code can be sent there: {error.reason}")
        return False
    code, subject = turn.rules.new_code(), str(turn.rules.new_id())
    minutes = str(int(CODE_LIVES.total_seconds() // 60))
    text = fill(texts.code, code=f"{code[:3]} {code[3:]}", organization=organization, minutes=minutes)
    named = fill(texts.code_subject, organization=organization)
    turn.add(StartVerification(subject, place, context, address, Post(text, subject=named)))
    # The address itself is stored sealed, with the new place.
    expires = turn.now + CODE_LIVES
    turn.remember(proof=Proof(subject, _digest(subject, code), expires, masked(address), tries))
    turn.say(fill(texts.code_sent, address=masked(address)), ahead=True)
    turn.explain("desk", "sent a code to an address, to go on there")
    turn.audit("customer", "address.proving", channel=place.channel)
    return True


def _typed(turn: Turn, proof: Proof, code: str, *, alone: bool) -> bool:
    if turn.now > proof.expires_at:
        turn.remember(proof=proof.done())
        if alone:
            turn.say(turn.texts.code_too_old, ahead=True)
        return alone
    if not _is_the_code(proof, code):
        # Keep the proof even when no try is left: asking for another code must give no more tries.
        turn.remember(proof=proof.missed())
        left = proof.tries + 1 < MAX_TRIES
        if alone:
            turn.say(turn.texts.code_wrong if left else turn.texts.code_wrong_too_often, ahead=True)
        return alone
    turn.remember(proof=proof.done())
    turn.say(fill(turn.texts.address_proved, address=proof.address), ahead=True)
    seen = seen_by_customer(turn.messages.values())
    story = told_to_customer(seen, turn.name or proof.address, turn.speaker)
    text = fill(turn.texts.story_so_far, organization=turn.organization.display_name, story=story)
    message = Message(
        id=MessageId(turn.rules.new_id()),
        role=Role.SYSTEM,
        sender=SYSTEM,
        text="[The conversation so far was sent to the customer's address.]",
        state=MessageState.RELEASED,
        at=turn.now,
    )
    turn.add(AddMessage(message))
    post = Post(text, discloses=turn.disclosure)
    turn.add(CompleteVerification(proof.subject, proof.address, message.id, post))
    turn.tell_room(Post(f"➡️ {turn.customer_name} confirmed an address. Answers go there now."))
    turn.show_card()
    turn.explain("customer", "proved an address, and goes on there")
    turn.audit("customer", "address.proved")
    return True


def masked(address: str) -> str:
    """Return an address that its owner recognizes and nobody else can use: m•••@example.com."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}•••@{domain}"


def _digest(subject: str, code: str) -> str:
    return hashlib.sha256(f"{subject}:{code}".encode()).hexdigest()

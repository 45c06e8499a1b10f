"""Going on somewhere else: "send this to my email". Nothing is linked before a code proved the address.

The code goes to the address and comes back where the customer is known: whoever has both is one person.
"""

import hashlib
import hmac
import re
from datetime import timedelta

from bot.core.connector import Begin
from bot.core.conversation import Message, MessageState, Proof, Role
from bot.core.effects import AddMessage, GoOn, Prove
from bot.core.events import Event, Said
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns.draft import SYSTEM, Draft
from bot.turns.story import transcript
from orgs.routing import find_account
from orgs.specification.organization import Serves

CODE_LIVES = timedelta(minutes=15)
MAX_TRIES = 5
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}")
# Somebody who only mentions an address does not ask to be written to there.
_ASKS = re.compile(
    r"\b(send|mail|e-?mail|continue|go on|carry on|reply|answer|write|reach|contact"
    r"|schick\w*|send\w*|schreib\w*|weiter|envoye\w*|continu\w*|écri\w*|envía\w*|manda\w*|escrib\w*|sigue\w*"
    r"|invia\w*|scriv\w*|stuur\w*|envia\w*)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"\b(\d{3})[ -]?(\d{3})\b")


def hear(draft: Draft, event: Event) -> bool:
    """Whether the message was about going on elsewhere, and was answered by that alone."""
    if not isinstance(event.content, Said) or event.shared or not event.private:
        return False
    if draft.memory.proof is not None and (typed := _CODE.search(event.content.text)):
        return _typed(draft, draft.memory.proof, typed[1] + typed[2])
    found = _ADDRESS.search(event.content.text)
    if found is None or not _ASKS.search(event.content.text.replace(found[0], "")):
        return False
    return _offer(draft, found[0])


def _offer(draft: Draft, address: str) -> bool:
    """Send a code there. False where the organization has no account that could."""
    for account, begin in draft.rules.begin.items():
        declared = find_account(draft.organization, account)
        here = draft.view.conversation.place.account
        if declared is not None and declared.serves is Serves.CUSTOMERS and account != here:
            return _send_code(draft, begin, address)
    return False


def _send_code(draft: Draft, begin: Begin, address: str) -> bool:
    organization = draft.organization.display_name
    place, context = begin(address, f"Your code for {organization}")
    code, subject = draft.rules.new_code(), str(draft.rules.new_id())
    text = (
        f"Your code is **{code[:3]} {code[3:]}**. Type it where you are talking to {organization}, within"
        f" {int(CODE_LIVES.total_seconds() // 60)} minutes, and the conversation goes on here.\n\n"
        "If you asked for nothing, somebody mistyped their address: do nothing."
    )
    draft.add(Prove(subject, place, context, address, Post(text)))
    draft.remember(proof=Proof(subject, _digest(subject, code), draft.now + CODE_LIVES, address))
    draft.say(f"I have sent a code to {masked(address)}. Type it here, and we go on there.")
    draft.because("desk", "sent a code to an address, to go on there")
    draft.audit("customer", "address.proving", channel=place.channel)
    return True


def _typed(draft: Draft, proof: Proof, code: str) -> bool:
    if draft.now > proof.expires_at:
        draft.remember(proof=None)
        draft.say("That code is too old. Ask again, and I send a new one.")
        return True
    if not hmac.compare_digest(_digest(proof.subject, code), proof.digest):
        tries = proof.tries + 1
        draft.remember(proof=None if tries >= MAX_TRIES else proof.missed())
        again = "Please look again." if tries < MAX_TRIES else "Ask again, and I send a new one."
        draft.say(f"That is not the code. {again}")
        return True
    draft.remember(proof=None)
    draft.say(f"Thank you. We go on at {masked(proof.address)}.")
    story = transcript(draft.messages.values(), draft.customer_name, draft.author)
    text = f"As you asked, we go on here. What was said so far:\n\n{story}\n\nJust answer this message."
    message = Message(
        id=MessageId(draft.rules.new_id()),
        role=Role.SYSTEM,
        sender=SYSTEM,
        text="[The conversation so far was sent to the customer's address.]",
        state=MessageState.RELEASED,
        at=draft.now,
    )
    draft.add(AddMessage(message))
    draft.add(GoOn(proof.subject, proof.address, message.id, Post(text)))
    draft.tell_room(Post(f"➡️ {draft.customer_name} proved an address: answers go there now."))
    draft.show_card()
    draft.because("customer", "proved an address, and goes on there")
    draft.audit("customer", "address.proved")
    return True


def masked(address: str) -> str:
    """Enough to recognize one's own, and nobody else's: m•••@example.com."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}•••@{domain}"


def _digest(subject: str, code: str) -> str:
    return hashlib.sha256(f"{subject}:{code}".encode()).hexdigest()

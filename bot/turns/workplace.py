"""Handle changes where staff work: lost channels, deleted cards, people who are gone."""

from bot.core.conversation import HolderLeft, Room
from bot.core.events import Place, WorkplaceChange, WorkplaceChanged
from bot.core.ids import PersonId
from bot.core.outbound import Post
from bot.turns import holder, lost_rooms
from bot.turns.draft import Draft
from orgs import routing
from orgs.routing import admins_of, is_public


def hear(draft: Draft, place: Place, content: WorkplaceChanged, person: PersonId | None) -> None:
    """Handle one change. `person` is the sender, if the organization file names them."""
    room = draft.open_room
    concerned = room is not None and room.place.account == place.account
    here = concerned and draft.here == room
    match content.change:
        case WorkplaceChange.CHAT_CLOSED if concerned and not place.chat:
            lost_rooms.leave_account(draft, content.detail)
        case WorkplaceChange.CHAT_CLOSED if room is not None and concerned and place.chat == room.place.chat:
            lost_rooms.leave_channel(draft, content.detail)
        case WorkplaceChange.CHAT_EXPOSED if room is not None and concerned and place.chat == room.place.chat:
            _exposed(draft, room.name, content)
        case WorkplaceChange.CHAT_MADE_PUBLIC if room and concerned and place.chat == room.place.chat:
            if not is_public(draft.organization, routing.Room(place.account, room.name)):
                _exposed(draft, room.name, content)
        case WorkplaceChange.CHAT_RENAMED:
            _renamed(draft, place, content.detail)
        case WorkplaceChange.CARD_DELETED if here:
            lost_rooms.begin_anew(draft, "somebody has deleted the card", readable=True)
        case WorkplaceChange.THREAD_CLOSED if here:
            draft.show_card()  # updating the card opens the thread again
            draft.tell_room(
                Post(f"🔓 {draft.customer_name} still needs a person here. To end this, press **Resolve**.")
            )
            draft.because("desk", "opened a thread again that somebody had closed")
        case WorkplaceChange.PERSON_LEFT if person and _last_room(draft, place):
            holder.hear(draft, HolderLeft(person, draft.person_name(person), content.detail))
        case WorkplaceChange.PERSON_DEACTIVATED if person and _last_room(draft, place):
            reason = f"was deactivated in {place.channel.capitalize()}"
            holder.hear(draft, HolderLeft(person, draft.person_name(person), reason))
        case _:
            draft.because("desk", f"{content.change} concerns this no more")


def _last_room(draft: Draft, place: Place) -> Room | None:
    """Return the open room, else the one closed last, if it is in the chat or account that `place` means."""
    room = draft.open_room or (draft.closed.room if draft.closed and not draft.escalation else None)
    if room is None or room.place.account != place.account or place.chat not in ("", room.place.chat):
        return None
    return room


def _exposed(draft: Draft, name: str, changed: WorkplaceChanged) -> None:
    """Warn the room and the admins. The conversation stays where it is, and staff decide what to do."""
    post = Post(
        f"⚠️ {name} is not private any more: {changed.detail}. Write nothing here that only staff may"
        " read. Make it private, or name another channel in the organization file: open conversations go on"
        " there."
    )
    draft.tell_room(post)
    for admin in admins_of(draft.organization) if changed.tells_admins else ():
        draft.tell_person(admin.id, post)
    draft.because("desk", f"{name} is read by others: {changed.detail}")


def _renamed(draft: Draft, place: Place, name: str) -> None:
    """Tell admins and the room of a channel's new name. Conversations stay in the channel, known by its id.

    The old name in the organization file may lead to another channel later.
    """
    rooms = [
        r for r in draft.rooms.values() if (r.place.account, r.place.chat) == (place.account, place.chat)
    ]
    former = rooms[-1].name if rooms else ""
    if not former or former.removeprefix("#") == name:
        return
    post = Post(
        f"ℹ️ The channel {former} is called #{name} now. Conversations still go there. Write the new name into"
        " the organization file, so that they go on doing so if another channel gets the old name."
    )
    for admin in admins_of(draft.organization):
        draft.tell_person(admin.id, post)
    if draft.open_room in rooms:
        draft.tell_room(post)
    draft.because("desk", f"{former} is called #{name} now")

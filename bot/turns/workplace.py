"""Handle changes where staff work: lost channels, deleted cards, people who are gone."""

from bot.core.conversation import HolderLeft, Room
from bot.core.events import Place, WorkplaceChange, WorkplaceChanged
from bot.core.ids import PersonId
from bot.core.outbound import Post
from bot.core.permissions import Permission
from bot.turns import holder_left, lost_rooms, watching
from bot.turns.turn import Turn
from orgs import routing
from orgs.roles import holders
from orgs.routing import is_public


def hear(turn: Turn, place: Place, content: WorkplaceChanged, person: PersonId | None) -> None:
    """Handle one change. `person` is the sender, if the organization file names them."""
    room = turn.open_room
    concerned = room is not None and room.place.account == place.account
    here = concerned and turn.here == room
    match content.change:
        case WorkplaceChange.CHAT_CLOSED if concerned and not place.chat:
            lost_rooms.leave_account(turn, content.detail)
        case WorkplaceChange.CHAT_CLOSED if room is not None and concerned and place.chat == room.place.chat:
            lost_rooms.leave_channel(turn, content.detail)
        case WorkplaceChange.CHAT_EXPOSED if room is not None and concerned and place.chat == room.place.chat:
            _exposed(turn, room.name, content)
        case WorkplaceChange.CHAT_MADE_PUBLIC if room and concerned and place.chat == room.place.chat:
            if not is_public(turn.organization, routing.RoomChannel(place.account, room.name)):
                _exposed(turn, room.name, content)
        case WorkplaceChange.CHAT_RENAMED:
            _renamed(turn, place, content.detail)
        case WorkplaceChange.CARD_DELETED if turn.here and turn.here in watching.open_watched(turn):
            watching.end(turn, turn.here, "The card of this thread was deleted.")
        case WorkplaceChange.CARD_DELETED if here:
            lost_rooms.begin_anew(turn, "somebody has deleted the card", readable=True)
        case WorkplaceChange.THREAD_CLOSED if here:
            turn.show_card()  # updating the card opens the thread again
            turn.tell_room(
                Post(f"🔓 {turn.customer_name} still needs a person here. To end this, press **Resolve**.")
            )
            turn.explain("desk", "opened a thread again that somebody had closed")
        case WorkplaceChange.PERSON_LEFT if person and _last_room(turn, place):
            holder_left.hear(turn, HolderLeft(person, turn.person_name(person), content.detail))
        case WorkplaceChange.PERSON_DEACTIVATED if person and _last_room(turn, place):
            reason = f"was deactivated in {place.channel.capitalize()}"
            holder_left.hear(turn, HolderLeft(person, turn.person_name(person), reason))
        case _:
            turn.explain("desk", f"{content.change} concerns this no more")


def _last_room(turn: Turn, place: Place) -> Room | None:
    """Return the open room, else the one closed last, if it is in the chat or account that `place` means."""
    room = turn.open_room or (turn.closed.room if turn.closed and not turn.escalation else None)
    if room is None or room.place.account != place.account or place.chat not in ("", room.place.chat):
        return None
    return room


def _exposed(turn: Turn, name: str, changed: WorkplaceChanged) -> None:
    """Warn the room and the admins. The conversation stays where it is, and staff decide what to do."""
    post = Post(
        f"⚠️ {name} is not private any more: {changed.detail}. Write nothing here that only staff may"
        " read. Make it private, or name another channel in the organization file: open conversations go on"
        " there."
    )
    turn.tell_room(post)
    for admin in holders(turn.organization, Permission.ORGANIZATION_CHANGE) if changed.tells_admins else ():
        turn.tell_person(admin.id, post)
    turn.explain("desk", f"{name} is read by others: {changed.detail}")


def _renamed(turn: Turn, place: Place, name: str) -> None:
    """Tell admins and the room of a channel's new name. Conversations stay in the channel, known by its id.

    The old name in the organization file may lead to another channel later.
    """
    rooms = [r for r in turn.rooms.values() if (r.place.account, r.place.chat) == (place.account, place.chat)]
    former = rooms[-1].name if rooms else ""
    if not former or former.removeprefix("#") == name:
        return
    post = Post(
        f"ℹ️ The channel {former} is called #{name} now. Conversations still go there. Write the new name into"
        " the organization file, so that they go on doing so if another channel gets the old name."
    )
    for admin in holders(turn.organization, Permission.ORGANIZATION_CHANGE):
        turn.tell_person(admin.id, post)
    if turn.open_room in rooms:
        turn.tell_room(post)
    turn.explain("desk", f"{former} is called #{name} now")

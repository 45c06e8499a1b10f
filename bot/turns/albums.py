"""Keep the pictures of an album together: each comes as its own message, and one of them has the text."""

from dataclasses import replace

from bot.core.conversation import Album
from bot.core.events import Event
from bot.turns.turn import Turn

_KEPT = 3  # the newest albums of one conversation
_LARGEST = 20  # messages; Telegram takes ten


def join(turn: Turn, event: Event, *, private: bool) -> Album:
    """Remember that the event's message belongs to an album, and return the album as known so far.

    `private`: the words of this message keep the whole album inside, and so the pictures that come later.
    """
    id_ = event.album
    if not id_:
        return Album("")
    known = next((album for album in turn.memory.albums if album.id == id_), Album(id_))
    messages = tuple(dict.fromkeys((*known.messages, event.message)))[-_LARGEST:]
    album = Album(id_, messages, known.private or private)
    others = tuple(each for each in turn.memory.albums if each.id != id_)
    turn.remember(albums=(*others, album)[-_KEPT:])
    return album


def leave(turn: Turn, ref: str) -> tuple[str, ...]:
    """Return the messages of the album to which a message belongs, and keep inside what still comes of it.

    Return an empty tuple for a message of no album.
    """
    album = next((album for album in turn.memory.albums if ref and ref in album.messages), None)
    if album is None:
        return ()
    albums = (replace(each, private=True) if each is album else each for each in turn.memory.albums)
    turn.remember(albums=tuple(albums))
    return album.messages

"""Know whether Redis works. A change is logged once; the state can be read at any time."""

from typing import Final

import structlog
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, ResponseError

from bot.bus.metrics import REDIS_UP

log = structlog.get_logger(__name__)

_MEANWHILE: Final = " Nothing is lost meanwhile: answers come some seconds later, and jobs when it is back."
_REFUSED: Final = "Redis refuses the user or the password of REDIS_URL: correct them."
_NUMBER: Final = "Redis has no database of the number in REDIS_URL: correct it."
_REFUSES: Final = "Redis answers, and refuses what it is asked ({}): see its log, its memory and its disk."
_UNREACHABLE: Final = "Redis cannot be reached ({}): see that it runs, and REDIS_URL."


class RedisHealth:
    """The state of Redis. `state` is "up", "down" or "off" (none is used).

    `sentence` says what is wrong, and what to do.
    """

    def __init__(self, *, used: bool) -> None:
        self.state = "down" if used else "off"
        self.sentence = ""
        self._told = ""
        REDIS_UP.set(not used)

    def up(self) -> bool:
        """Record that Redis answers. Return whether its state changed."""
        return self._turn("up", "")

    def down(self, error: BaseException) -> None:
        """Record that Redis does not answer, and why."""
        code, sentence = _why(error)
        self.sentence = sentence + _MEANWHILE
        self._turn("down", code)

    def _turn(self, state: str, code: str) -> bool:
        if self._told == state + code:
            return False
        self.state, self._told = state, state + code
        REDIS_UP.set(state == "up")
        if state == "up":
            self.sentence = ""
            log.info("redis", state=state)
        else:
            log.warning("redis", state=state, code=code, reason=self.sentence)
        return True


def _why(error: BaseException) -> tuple[str, str]:
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return "redis.login_refused", _REFUSED
    told = str(error)
    if isinstance(error, ResponseError) and ("NOAUTH" in told or "WRONGPASS" in told):
        return "redis.login_refused", _REFUSED
    if "DB index" in told:
        return "redis.no_database", _NUMBER
    if isinstance(error, ResponseError):
        return "redis.refuses", _REFUSES.format(told.split(" ", maxsplit=1)[0][:20])
    return "redis.unreachable", _UNREACHABLE.format(type(error).__name__)

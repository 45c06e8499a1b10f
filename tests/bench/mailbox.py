"""`python -m tests.bench.mailbox`: how long ordinary mails wait behind hostile ones in the same folder.

Ten mails of ten parts of `&a;`, each from somebody else, with five ordinary ones behind each.
"""

import asyncio
import resource
import statistics
import sys
import time

from connectors.sandbox.mail import MailServer
from tests.bench.mails import costly_parts
from tests.connectors.email import rig

HOSTILE = 10
BEHIND = 5


async def measure() -> None:
    seconds: dict[str, float] = {}
    async with MailServer() as server:
        await server.add_account(rig.ADDRESS, rig.PASSWORD)
        async with rig.line(server, rig.settings(rig.options(server))) as line:
            await line.listen()
            await line.stop()
            for number in range(HOSTILE):
                mallory = server.customer(f"mallory{number}@x.example")
                headers = f"From: {mallory.address}\r\nMessage-ID: <{number}@x.example>\r\n"
                await mallory.send_raw(costly_parts(headers.encode()), to=rig.ADDRESS)
                for each in range(BEHIND):
                    maya = server.customer(f"maya{number}.{each}@fischer.example")
                    await maya.write("Hello", "Is anybody there?", to=rig.ADDRESS)
            begun = time.monotonic()
            line.begin_listening()
            for count in range(1, HOSTILE * (1 + BEHIND) + 1):
                events = (await asyncio.wait_for(line.inbox.has(count), 600))[len(seconds) :]
                for event in events:
                    seconds[event.sender.handle] = time.monotonic() - begun
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    for kind in ("maya", "mallory"):
        waited = [value for sender, value in seconds.items() if sender.startswith(kind)]
        print(f"{kind:8} median {statistics.median(waited):6.1f} s  longest {max(waited):6.1f} s")
    cpu = (spent.ru_utime + spent.ru_stime) / HOSTILE
    print(f"CPU of the reading processes for each hostile mail, their starting included: {cpu:.1f} s")


def main() -> int:
    asyncio.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m connectors.sandbox --port 9000`: the sandbox in a process of its own, on loopback.

Prints one line of JSON when it answers: its address, and what the product needs to be let in.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from connectors.sandbox.credentials import Credentials, environment
from connectors.sandbox.guard import is_loopback
from connectors.sandbox.server import CUSTOMERS, Sandbox
from connectors.sandbox.slack.delivery import RETRY_DELAYS
from connectors.sandbox.staff import read_staff


def _arguments() -> argparse.Namespace:
    known = Credentials()
    parser = argparse.ArgumentParser(prog="python -m connectors.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--state", type=Path, help="a file that keeps the state from one start to the next")
    parser.add_argument("--staff", type=Path, help="a JSON file with the users and channels of Slack")
    parser.add_argument(
        "--customer",
        action="append",
        help="somebody who is on every channel; may be given more than once",
    )
    parser.add_argument("--seed", type=int, default=0, help="for the faults")
    parser.add_argument(
        "--slack-retry-delays",
        type=_delays,
        default=RETRY_DELAYS,
        help="seconds by comma, after which Slack sends again what was not taken; Slack's own are 0,60,300",
    )
    parser.add_argument(
        "--mail-ports",
        type=_ports,
        default=(0, 0),
        help="of SMTP and IMAP, by comma; 0: any free one",
    )
    for name, value in asdict(known).items():
        parser.add_argument(f"--{name.replace('_', '-')}", default=value)
    return parser.parse_args()


def _delays(words: str) -> tuple[timedelta, ...]:
    """Parse a list of seconds. Raise ValueError, which argparse reports."""
    return tuple(timedelta(seconds=float(word)) for word in words.split(",") if word.strip())


def _ports(words: str) -> tuple[int, int]:
    """Parse the ports of SMTP and IMAP. Raise ValueError, which argparse reports."""
    smtp, imap = (int(word) for word in words.split(","))
    return smtp, imap


async def _serve(arguments: argparse.Namespace) -> None:
    credentials = Credentials(**{name: getattr(arguments, name) for name in asdict(Credentials())})
    sandbox = Sandbox(
        credentials=credentials,
        staff=read_staff(arguments.staff) if arguments.staff else None,
        customers=arguments.customer or CUSTOMERS,
        state_file=arguments.state,
        seed=arguments.seed,
        slack_retry_delays=arguments.slack_retry_delays,
        mail_ports=arguments.mail_ports,
    )
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    runner = web.AppRunner(root, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        await web.TCPSite(runner, arguments.host, arguments.port).start()
        host, port = runner.addresses[0][:2]
        base = f"http://{f'[{host}]' if ':' in host else host}:{port}/sandbox"
        mail = sandbox.mail.smtp.port, sandbox.mail.imap.port
        addresses = {
            "url": base,
            "telegram_api_url": f"{base}/telegram",
            "slack_api_url": f"{base}/slack/api/",
            "smtp_port": mail[0],
            "imap_port": mail[1],
            "environment": environment(credentials, base, mail),
        }
        print(json.dumps({**addresses, **asdict(credentials)}), flush=True)  # noqa: T201
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    logging.basicConfig(level=logging.WARNING)
    arguments = _arguments()
    if not is_loopback(arguments.host):
        print(f"{arguments.host} is not a loopback address, and the sandbox opens no other", file=sys.stderr)  # noqa: T201
        return 2
    try:
        asyncio.run(_serve(arguments))
    except (OSError, ValueError) as error:
        print(f"the sandbox cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A mail provider and its customers' mail clients, with SMTP and IMAP. The servers are aiosmtpd and pymap."""

from connectors.sandbox.mail.letters import File, Letter
from connectors.sandbox.mail.oauth import TokenServer
from connectors.sandbox.mail.programs import programs
from connectors.sandbox.mail.server import Customer, MailServer

__all__ = ["Customer", "File", "Letter", "MailServer", "TokenServer", "programs"]

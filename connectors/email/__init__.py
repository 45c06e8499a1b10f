"""Email: incoming by IMAP (with IDLE) or an LMTP/SMTP listener, outgoing by SMTP.

`settings.py` explains the options.
"""

from bot.core.connector import AccountSettings, ChannelKind, ConnectionMode, Connector, Resources
from connectors.email.capabilities import CAPABILITIES, CHANNEL
from connectors.email.context import without

__all__ = ["channel"]

_OUT = (
    "aliases",
    "username",
    "security",
    "ca_file",
    "trusted_servers",
    "dkim_selectors",
    "plus",
    "name",
    "signature",
    "oauth_scope",
)


def open_account(settings: AccountSettings, resources: Resources) -> Connector:
    """Open an account. Import its connector only now: the declaration below is needed far more often."""
    from connectors.email.connector import EmailConnector

    return EmailConnector(settings, resources)


channel = ChannelKind(
    name=CHANNEL,
    title="Email",
    modes=(
        ConnectionMode(
            mode="polling",
            secrets=("password",),
            options=("address", "imap", "smtp"),
            servers=("imap", "smtp"),
            optional_secrets=("thread_key",),
            optional=(*_OUT, "folders", "sent"),
        ),
        ConnectionMode(
            mode="oauth",
            secrets=("oauth_client_id", "oauth_client_secret", "oauth_refresh_token"),
            options=("address", "imap", "smtp", "oauth_token_url"),
            servers=("imap", "smtp"),
            optional_secrets=("thread_key",),
            optional=(*_OUT, "folders", "sent"),
        ),
        ConnectionMode(
            mode="listener",
            secrets=("thread_key",),
            options=("address", "listen", "spool", "smtp"),
            servers=("smtp",),
            optional_secrets=("password", "oauth_client_id", "oauth_client_secret", "oauth_refresh_token"),
            optional=(*_OUT, "protocol", "oauth_token_url"),
        ),
    ),
    serves=("customers",),
    capabilities=CAPABILITIES,
    open=open_account,
    forget=without,
)

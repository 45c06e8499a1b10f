"""The credentials with which the product reaches the stand-ins.

They are worth nothing outside the sandbox.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    telegram_token: str = "700000001:sandbox-telegram-token"  # noqa: S105
    telegram_username: str = "sandbox_desk_bot"
    telegram_staff_token: str = "700000002:sandbox-staff-token"  # noqa: S105
    telegram_staff_username: str = "sandbox_staff_bot"
    slack_bot_token: str = "xoxb-sandbox"  # noqa: S105
    slack_app_token: str = "xapp-sandbox"  # noqa: S105
    slack_signing_secret: str = "sandbox-signing-secret"  # noqa: S105
    slack_client_id: str = "7000000001.7000000002"
    slack_client_secret: str = "sandbox-client-secret"  # noqa: S105
    slack_customers_signing_secret: str = "sandbox-customers-signing-secret"  # noqa: S105
    whatsapp_access_token: str = "sandbox-whatsapp-token"  # noqa: S105
    whatsapp_app_secret: str = "sandbox-whatsapp-secret"  # noqa: S105
    whatsapp_verify_token: str = "sandbox-whatsapp-verify"  # noqa: S105
    messenger_page_token: str = "sandbox-messenger-token"  # noqa: S105
    messenger_app_secret: str = "sandbox-messenger-secret"  # noqa: S105
    messenger_verify_token: str = "sandbox-messenger-verify"  # noqa: S105
    email_address: str = "support@brightdesk.example"
    email_password: str = "sandbox-email-password"  # noqa: S105


def environment(known: Credentials, base: str, mail: tuple[int, int] | None = None) -> dict[str, str]:
    """Return the variables of the sample organization's accounts, for a sandbox that is mounted at `base`.

    `mail` has the ports of its SMTP and IMAP servers.
    """
    servers = dict(zip(("EMAIL_SMTP_SERVER", "EMAIL_IMAP_SERVER"), mail or (), strict=False))
    return {
        "TELEGRAM_API_URL": f"{base}/telegram",
        "TELEGRAM_BOT_TOKEN": known.telegram_token,
        "TELEGRAM_WEBHOOK_SECRET": "sandbox-webhook-secret",
        "TELEGRAM_STAFF_BOT_TOKEN": known.telegram_staff_token,
        "SLACK_API_URL": f"{base}/slack/api",
        "SLACK_BOT_TOKEN": known.slack_bot_token,
        "SLACK_APP_TOKEN": known.slack_app_token,
        "SLACK_SIGNING_SECRET": known.slack_signing_secret,
        "SLACK_CLIENT_ID": known.slack_client_id,
        "SLACK_CLIENT_SECRET": known.slack_client_secret,
        "SLACK_CUSTOMERS_SIGNING_SECRET": known.slack_customers_signing_secret,
        "WHATSAPP_API_URL": f"{base}/whatsapp",
        "WHATSAPP_ACCESS_TOKEN": known.whatsapp_access_token,
        "WHATSAPP_APP_SECRET": known.whatsapp_app_secret,
        "WHATSAPP_VERIFY_TOKEN": known.whatsapp_verify_token,
        "MESSENGER_API_URL": f"{base}/messenger",
        "MESSENGER_PAGE_TOKEN": known.messenger_page_token,
        "MESSENGER_APP_SECRET": known.messenger_app_secret,
        "MESSENGER_VERIFY_TOKEN": known.messenger_verify_token,
        "EMAIL_PASSWORD": known.email_password,
        **{name: f"127.0.0.1:{port}" for name, port in servers.items()},
    }

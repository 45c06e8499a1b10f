"""Wrong settings end in one clear sentence; right ones are typed."""

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.app.channels import CHANNELS
from bot.app.settings import Environment, LogLevel, kept_key, load, parse, surroundings
from bot.core.errors import SettingsError

KEY = base64.b64encode(bytes(range(32))).decode()
OLDER = base64.b64encode(bytes(32)).decode()
PRODUCTION = {
    "DATABASE_URL": "postgresql://desk:hush@db/desk",
    "REDIS_URL": "redis://cache",
    "ENCRYPTION_KEY": KEY,
}


def test_nothing_set_means_embedded_on_this_machine_alone() -> None:
    settings = parse({})
    assert settings.environment is Environment.EMBEDDED
    assert settings.database_url is None
    assert settings.redis_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.api_url("telegram") == ""  # its own address
    assert settings.var == Path.cwd() / "var"
    assert settings.files_url == (Path.cwd() / "var" / "files").as_uri()
    assert settings.log_level is LogLevel.INFO


def test_a_database_means_production() -> None:
    settings = parse(PRODUCTION)
    assert settings.environment is Environment.PRODUCTION
    assert settings.host == "0.0.0.0"  # noqa: S104
    assert settings.encryption_keys == (bytes(range(32)),)


def test_a_developer_may_use_a_database_of_his_own_without_production() -> None:
    settings = parse({"DATABASE_URL": "postgresql://127.0.0.1/x", "DESK_ENV": "embedded"})
    assert settings.environment is Environment.EMBEDDED


def test_the_newest_key_comes_first() -> None:
    assert parse({"ENCRYPTION_KEY": f"{KEY}, {OLDER}"}).encryption_keys == (bytes(range(32)), bytes(32))


def test_neither_keys_nor_passwords_nor_tokens_are_in_the_repr() -> None:
    shown = repr(parse(PRODUCTION | {"SLACK_BOT_TOKEN": "xoxb-1"}))
    for secret in ("hush", KEY, "xoxb-1", "x00"):
        assert secret not in shown


def test_a_platform_may_be_elsewhere_for_a_channel_or_for_one_account_of_it() -> None:
    settings = parse(
        {"SLACK_API_URL": "http://127.0.0.1:1/a/", "SLACK_CUSTOMERS_API_URL": "http://127.0.0.1:1/b"}
    )
    assert settings.api_url("slack", "slack") == "http://127.0.0.1:1/a"
    assert settings.api_url("slack", "slack-customers") == "http://127.0.0.1:1/b"
    with pytest.raises(SettingsError):
        parse({"SLACK_API_URL": "slack.com"}).api_url("slack")


def test_a_server_of_a_mailbox_may_be_elsewhere_than_the_organization_file_says() -> None:
    settings = parse({"EMAIL_IMAP_SERVER": "127.0.0.1:1143", "SALES_MAIL_IMAP_SERVER": "127.0.0.1:2143"})
    assert settings.server("imap", "email", "support-mail") == "127.0.0.1:1143"
    assert settings.server("imap", "email", "sales-mail") == "127.0.0.1:2143"
    assert settings.server("smtp", "email", "sales-mail") == ""  # where the file says


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PORT": "http"}, "PORT is 'http': it must be a number from 1 to 65535"),
        ({"PORT": "70000"}, "PORT is '70000': it must be a number from 1 to 65535"),
        ({"PORT": "٣"}, "PORT is '٣': it must be a number from 1 to 65535"),
        ({"FILES_MAX_MB": "3000"}, "FILES_MAX_MB is '3000': it must be a number from 1 to 2000"),
        ({"REWRITE_MAX_MB": "1 GB"}, "REWRITE_MAX_MB is '1 GB': it must be a number from 1 to 100000"),
        ({"HEALTH_PORT": "http"}, "HEALTH_PORT is 'http': it must be a number from 1 to 65535"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'LOUD': it must be DEBUG or INFO or WARNING or ERROR"),
        ({"DESK_ENV": "prod"}, "DESK_ENV is 'prod': it must be production or embedded"),
        ({"DESK_ENV": "production"}, "DESK_ENV is production but DATABASE_URL is not set"),
        (
            {"PUBLIC_URL": "desk.example"},
            "PUBLIC_URL must be an address that begins with http:// or https://",
        ),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL must be an address that begins with postgresql://"),
        (
            {"DATABASE_URL": "postgresql://a:hush@127.0.0.1:abc/c"},
            "DATABASE_URL cannot be read, its port must be one number from 1 to 65535: write it as postgresql://",
        ),
        ({"DATABASE_URL": "postgresql://a@127.0.0.1:70000/c"}, "DATABASE_URL cannot be read, its port"),
        (
            {"DATABASE_URL": "postgresql://a:hush@db/c?foo=bar"},
            "DATABASE_URL cannot be read, it has an option",
        ),
        ({"DATABASE_URL": "postgresql://a:hu%zz@db/c"}, "DATABASE_URL cannot be read, it has an option"),
        ({"REDIS_URL": "redis://:hush@cache:6379/x"}, "REDIS_URL must end with the number of a database"),
        ({"REDIS_URL": "redis://cache/0?socket_timeout=x"}, "REDIS_URL cannot be read, an option in it"),
        ({"PUBLIC_URL": "https://x y/"}, "PUBLIC_URL cannot be read: it must be an address such as"),
        ({"PUBLIC_URL": "https://u:p@h:99999/"}, "PUBLIC_URL cannot be read: it must be an address such as"),
        ({"PUBLIC_URL": "https://x?y=1"}, "PUBLIC_URL cannot be read: it must be an address such as"),
        ({"AUDIT_ANCHORS_URL": "s3://x/y"}, "AUDIT_ANCHORS_URL must be an address that begins with file://"),
        *(
            (
                {"AUDIT_ANCHORS_URL": url},
                "AUDIT_ANCHORS_URL cannot be read: it must be file:///folder/file, or",
            )
            for url in (
                f"https://{'a' * 64}.example/x",
                f"https://{'é' * 64}.example/x",
                "https://u:hush@audit..example/x",
                "https://audit.example:99999/x",
                "https://audit .example/x",
                "https://:8080/x",
                "file://elsewhere/anchors",
                "file:///mnt/elsewhere/",
                "file:///mnt/%00",
            )
        ),
        ({"PUBLIC_URL": f"https://{'a' * 64}.example"}, "PUBLIC_URL cannot be read: it must be an address"),
        ({"REDIS_URL": "redis://:hush@cache:abc"}, "REDIS_URL cannot be read, its port must be a number"),
        ({"REDIS_URL": "redis://cache:70000/1"}, "REDIS_URL cannot be read, its port must be a number"),
        ({"REDIS_URL": "http://[x"}, "REDIS_URL must be an address that begins with redis://"),
        (
            {"ENCRYPTION_KEY": "c2hvcnQ="},
            "ENCRYPTION_KEY has a part that is no base64 of 32 bytes: make one with",
        ),
        (
            {"DATABASE_URL": "postgresql://db/x"},
            "in production no key is made for you: make one with python3 -c",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_must_be(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(environ)
    assert sentence in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///desk",
        "postgresql://desk:p#w@[::1]:5433/desk",
        "postgresql://desk@/desk?host=/run/postgresql",
        "postgres://db/desk?sslmode=require",
    ],
)
def test_addresses_of_databases_are_taken_as_postgresql_writes_them(url: str) -> None:
    assert parse(PRODUCTION | {"DATABASE_URL": url}).database_url == url


def test_addresses_of_redis_are_taken_as_redis_writes_them() -> None:
    for url in ("redis://cache", "rediss://u:p%23w@cache:6380/2", "unix:///run/redis.sock?db=1"):
        assert parse(PRODUCTION | {"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize("line", ["DATABASE_URL: postgresql://db/x", "DATABASE_URL", "export PORT"])
def test_a_line_without_a_value_is_no_setting_that_is_quietly_dropped(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"PORT=8081\n{line}\n", "utf-8")
    with pytest.raises(SettingsError, match=r"\.env, line 2 is no NAME=value"):
        surroundings({}, file)


def test_a_line_of_the_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# ours\nexport PORT=8081\n\nSCAN_COMMAND='clamscan -\nCLAMD=scanner:3310\n", "utf-8")
    with pytest.raises(
        SettingsError, match=r"\.env, line 4 is no NAME=value, or a quote in it is not closed"
    ):
        surroundings({}, file)

    file.write_text("# ours\nexport PORT=8081\n\nSCAN_COMMAND='clamscan -'\nCLAMD=\n", "utf-8")
    assert surroundings({}, file) == {"PORT": "8081", "SCAN_COMMAND": "clamscan -", "CLAMD": ""}


def test_a_password_never_shows_in_the_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"DATABASE_URL": "hush://desk:hush@db"})
    assert "hush" not in str(caught.value)


def test_a_secret_is_read_by_its_name() -> None:
    settings = parse({"SHOP_TELEGRAM_TOKEN": " 1:a "})
    assert settings.secret("SHOP_TELEGRAM_TOKEN") == "1:a"
    assert not settings.has("SLACK_APP_TOKEN")
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN is not set"):
        settings.secret("SLACK_APP_TOKEN")


def test_the_embedded_key_is_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    environ = {"VAR_DIR": str(tmp_path / "var")}
    first = load(environ).encryption_keys
    assert len(first[0]) == 32
    assert load(environ).encryption_keys == first
    assert (tmp_path / "var" / "encryption.key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["encryption.key"]


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: kept_key(tmp_path), range(32)))
    assert len(keys) == 1


def test_a_given_key_leaves_the_folder_alone(tmp_path: Path) -> None:
    load({"VAR_DIR": str(tmp_path), "ENCRYPTION_KEY": KEY})
    assert not list(tmp_path.iterdir())


def test_a_damaged_key_file_is_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "encryption.key"
    file.write_text("damaged", "ascii")
    with pytest.raises(SettingsError, match="restore it"):
        kept_key(tmp_path)
    assert file.read_text("ascii") == "damaged"


def test_the_example_has_one_line_for_each_setting_and_none_for_others() -> None:
    root = Path(__file__).resolve().parents[2]
    code = "\n".join(file.read_text("utf-8") for file in (root / "bot").rglob("*.py"))
    read = set(re.findall(r"\b(?:get|has|secret)\(\s*\"([A-Z][A-Z0-9_]+)\"", code))
    read |= {"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # for S3
    read |= {f"{channel.upper()}_API_URL" for channel in CHANNELS if channel != "email"}
    read |= {"EMAIL_IMAP_SERVER", "EMAIL_SMTP_SERVER"}
    example = (root / ".env.example").read_text("utf-8").partition("# --- secrets of accounts")[0]
    lines = re.findall(r"^# ([A-Z][A-Z0-9_]+)=", example, re.MULTILINE)
    assert sorted(lines) == sorted(read)

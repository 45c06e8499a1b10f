"""The manifest against the published schemas, and against what the code calls."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
import yaml

from connectors.slack.scopes import CUSTOMERS, STAFF, VIEW

ROOT = Path(__file__).resolve().parents[3]
WIRE = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "wire" / "slack"


@pytest.mark.parametrize("file", ["manifest.yml", "manifest.customers.yml"])
@pytest.mark.parametrize("schema", ["manifest.schema.2.0.0.json", "schemastore-slack-app-manifest.json"])
def test_the_manifest_is_valid(schema: str, file: str) -> None:
    if not (WIRE / schema).exists():
        pytest.skip(f"{schema} is not at hand (SHARED_DIR names its folder)")
    manifest = yaml.safe_load((ROOT / file).read_text())
    manifest["features"].pop("agent_view", None)  # younger than the schemas
    jsonschema.validate(manifest, json.loads((WIRE / schema).read_text()))


def test_the_manifest_creates_the_command_and_asks_for_no_more_than_the_code_uses() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text())
    assert [command["command"] for command in manifest["features"]["slash_commands"]] == ["/desk"]
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    assert scopes == [VIEW, *STAFF]
    assert not [scope for scope in scopes if scope.startswith("admin") or scope.endswith(":write.public")]
    assert manifest["settings"]["socket_mode_enabled"] is True


def test_the_manifest_of_the_customers_app_has_the_scopes_of_the_installation() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.customers.yml").read_text())
    assert manifest["oauth_config"]["scopes"]["bot"] == list(CUSTOMERS)
    assert "slash_commands" not in manifest["features"]
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert {"app_uninstalled", "tokens_revoked", "app_home_opened", "message.im"} <= set(events)
    assert "agent_session_stopped" in events  # without it Slack shows no stop button


@pytest.mark.parametrize("file", ["manifest.yml", "manifest.customers.yml"])
def test_the_apps_are_agents_as_every_new_app_that_has_a_view(file: str) -> None:
    """https://docs.slack.dev/ai/migrating-to-agent-messaging: no new app can have an assistant_view."""
    manifest = yaml.safe_load((ROOT / file).read_text())
    features = manifest["features"]
    assert set(features["agent_view"]) == {"agent_description"}
    assert 0 < len(features["agent_view"]["agent_description"]) <= 300
    assert "assistant_view" not in features
    assert features["app_home"]["messages_tab_enabled"] is True
    assert VIEW in manifest["oauth_config"]["scopes"]["bot"]
    assert "message.im" in manifest["settings"]["event_subscriptions"]["bot_events"]

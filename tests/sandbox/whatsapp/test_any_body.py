"""Arbitrary calls: each is read or refused in Meta's way, and none breaks a stand-in."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.messenger import contents as messenger
from connectors.sandbox.meta.errors import GraphError
from connectors.sandbox.meta.params import Params
from connectors.sandbox.whatsapp import SAMPLES
from connectors.sandbox.whatsapp import contents as whatsapp
from tests.sandbox.whatsapp.conftest import NOON

_NAMES = (
    "type text body interactive action buttons reply id title sections rows header footer image link template"
    " name language code components parameters contacts location latitude longitude reaction message_id emoji"
    " context attachment payload url template_type elements quick_replies content_type metadata"
)
NAMES = st.sampled_from(_NAMES.split())
_WORDS = (
    "button list template generic media quick_reply reply text image url postback web_url body en_US"
    " case_update https://a.example/b"
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
    | st.sampled_from(_WORDS.split())
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=6)


@given(kind=st.sampled_from(whatsapp.TYPES), content=VALUES, rest=BODIES)
def test_any_whatsapp_body_is_read_or_refused(kind: str, content: Any, rest: dict[str, Any]) -> None:
    with suppress(GraphError):
        draft = whatsapp.read(Params({**rest, "type": kind, kind: content}), NOON, SAMPLES)
        assert draft.message.kind == kind


@pytest.mark.long
@given(BODIES)
def test_any_messenger_message_is_read_or_refused(message: dict[str, Any]) -> None:
    with suppress(GraphError):
        content = messenger.read(message)
        assert content.text or content.source or content.template


@given(asked=st.dictionaries(NAMES, VALUES, max_size=5))
def test_any_parameters_fill_a_template_or_are_refused(asked: dict[str, Any]) -> None:
    template = {**asked, "name": "case_update", "language": {"code": "en_US"}}
    with suppress(GraphError):
        draft = whatsapp.read(Params({"type": "template", "template": template}), NOON, SAMPLES)
        assert "{{" not in draft.message.text

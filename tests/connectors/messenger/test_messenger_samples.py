"""Each of Meta's examples is an event of ours, or is kept by the name of its kind."""

from collections import Counter
from collections.abc import Iterator

from bot.core.events import (
    Content,
    Deleted,
    Edited,
    Event,
    Ignored,
    Reacted,
    Receipt,
    Said,
    Started,
    Tapped,
    ThreadControl,
    Unsupported,
)
from tests.connectors.messenger import rig
from tests.connectors.messenger.shared import as_on_the_wire, shared_json

# As whom the examples call the Page.
PAGES = {"404217156637689", "PAGE_ID", "701111199441168", "707356222221168", "693344444818699"}
KINDS = (Said, Tapped, Started, Reacted, Edited, Deleted, Receipt, ThreadControl, Unsupported, Ignored)
EXPECTED: dict[str, type[Content] | str] = {
    "textMessage": Said,
    "imageMessage": Said,
    "locationMessage": Said,
    "audioMessage": Said,
    "videoMessage": Said,
    "fileMessage": Said,
    "fallbackMessage": Said,
    "likeStickerMessage": Said,
    "largeLikeStickerMessage": Said,
    "hugeLikeStickerMessage": Said,
    "quickReplyMessage": Said,  # its payload is not made like ours
    "delivery": Receipt,
    "read": Receipt,
    "echoMessage": Said,
    "postback": Tapped,
    "gamePlay": "game_play",
    "gamePlayWithNonValidPayload": "game_play",
    "optin": "optin",
    "payment": "payment",
    "checkoutUpdate": "checkout_update",
    "preCheckout": "pre_checkout",
    "policyEnforcement": "policy-enforcement",
    "appRoles": "app_roles",
    "passThreadControl": ThreadControl,
    "takeThreadControl": ThreadControl,
    "requestThreadControl": "request_thread_control",
    "requestThreadControlFromInbox": "request_thread_control",
    "textMessageFromCustomerChatPlugin": Said,
    "linkReferral": Started,
    "postbackReferral": Started,
    "customerChatPluginReferral": Started,
    "brandedCamera": "branded_camera",
    "accountLinkingLinked": "account_linking",
    "accountLinkingUnlinked": "account_linking",
}

_APP = "123456789"  # to which the example passes a conversation


def ours(value: object) -> object:
    """The same, said of our Page."""
    if isinstance(value, dict):
        return {key: ours(item) for key, item in value.items()}
    if isinstance(value, list):
        return [ours(item) for item in value]
    return rig.PAGE if value in PAGES else value


def item(sample: object) -> rig.Json:
    wired = ours(as_on_the_wire(sample))
    assert isinstance(wired, dict)
    return wired


def items() -> Iterator[tuple[str, rig.Json]]:
    samples = shared_json("webhook_events.bottender.json")
    assert isinstance(samples, dict)
    yield from ((name, item(sample)) for name, sample in samples["events"].items())
    others = shared_json("webhook_requests.botbuilder-community.json")
    assert isinstance(others, dict)
    yield from ((f"FacebookMessages {n}", one) for n, one in enumerate(others["FacebookMessages"]))


def requests() -> Iterator[tuple[str, rig.Json]]:
    samples = shared_json("webhook_events.bottender.json")
    assert isinstance(samples, dict)
    for name, sample in samples["webhook_requests"].items():
        wired = as_on_the_wire(sample)
        assert isinstance(wired, dict)
        body = wired.get("body", wired)  # one of them is shown as the web framework wraps it
        assert isinstance(body, dict)
        yield name, body
    others = shared_json("webhook_requests.botbuilder-community.json")
    assert isinstance(others, dict)
    yield from ((name, one) for name, one in others.items() if isinstance(one, dict))


def of_our_page(request: rig.Json) -> tuple[rig.Json, int]:
    """The request with every entry made ours, and how many items it has."""
    entries = request["entry"]
    assert isinstance(entries, list)
    counted = sum(len(entry.get(key, ())) for entry in entries for key in ("messaging", "standby", "changes"))
    return {**request, "entry": [_of_our_page(entry) for entry in entries]}, counted


def _of_our_page(entry: rig.Json) -> rig.Json:
    told = {key: [to_us(one) for one in entry[key]] for key in ("messaging", "standby") if key in entry}
    return {**entry, **told, "id": rig.PAGE}


def to_us(one: rig.Json) -> rig.Json:
    """The same item, with our Page where another one stands."""
    message = one.get("message")
    ours = "sender" if isinstance(message, dict) and message.get("is_echo") else "recipient"
    return {**one, ours: {"id": rig.PAGE}} if ours in one else one


def read(request: rig.Json) -> tuple[Event, ...]:
    entries = request["entry"]
    assert isinstance(entries, list)
    return rig.connector().parse(rig.signed(rig.body(*entries)))


def test_every_named_example_is_read_as_what_it_is() -> None:
    found = dict(items())
    page = rig.connector(options={"page_id": rig.PAGE, "app_id": _APP})
    for name, expected in EXPECTED.items():
        (event,) = rig.parsed(found[name], page=page)
        if isinstance(expected, str):
            assert event.content == Ignored(expected), name
        else:
            assert isinstance(event.content, expected), name
    assert set(found) - set(EXPECTED) == {f"FacebookMessages {n}" for n in range(6)}


def test_no_example_is_left_out_and_each_has_an_id_of_its_own() -> None:
    contents: list[Content] = []
    for name, one in items():
        (event,) = rig.parsed(to_us(one))
        assert isinstance(event.content, KINDS), name
        assert all((event.external_id, event.place.chat)), name
        contents.append(event.content)
    for name, request in requests():
        whole, counted = of_our_page(request)
        events = read(whole)
        assert len(events) == counted, name
        contents += [event.content for event in events]

    kinds = Counter(type(content).__name__ for content in contents)
    unsupported = Counter(content.kind for content in contents if isinstance(content, Unsupported))
    print(f"\nMessenger: {len(contents)} examples: {dict(kinds)}; unsupported: {dict(unsupported)}")
    assert len(contents) >= 55
    assert kinds["Said"] >= 20


def test_a_request_for_another_page_makes_no_event() -> None:
    for name, request in requests():
        assert read(request) == (), name

"""Shapes that the Bot API has had since 10.1, whose description is at hand: as far as the product uses them.

Read in November 2026 from Telegram's own pages, one anchor for each type and method at
https://core.telegram.org/bots/api, and https://core.telegram.org/bots/api-changelog. Where the pages could
not be had whole, their tables were read in libraries that are made from them: aiogram 3.31
(https://docs.aiogram.dev/en/v3.31.0/api/types/ephemeral_message_parameters.html) and tgbot 0.47
(https://docs.rs/crate/tgbot/0.47.0/source/src/types/ephemeral.rs).
"""

from collections.abc import Mapping

Fields = tuple[tuple[str, str, bool], ...]  # name, type, whether it is required

# 10.3, August 24, 2026: https://core.telegram.org/bots/api-changelog#august-24-2026
_EPHEMERAL: Fields = (("ephemeral_message_parameters", "EphemeralMessageParameters", False),)

# Parameters of methods that 10.1 has, too.
PARAMETERS: Mapping[str, Fields] = {"sendMessage": _EPHEMERAL, "sendRichMessage": _EPHEMERAL}

# 10.2, July 14, 2026: https://core.telegram.org/bots/api-changelog#july-14-2026
_ONE: Fields = (
    ("chat_id", "Integer", True),
    ("receiver_user_id", "Integer", True),
    ("ephemeral_message_id", "Integer", True),
)
METHODS: Mapping[str, Fields] = {
    "deleteEphemeralMessage": _ONE,
    "editEphemeralMessageText": (
        *_ONE,
        ("text", "String", False),
        ("entities", "Array of MessageEntity", False),
        ("rich_message", "InputRichMessage", False),  # 10.3
        ("link_preview_options", "LinkPreviewOptions", False),
        ("reply_markup", "InlineKeyboardMarkup", False),
    ),
}

# Fields of types that 10.1 has, too.
FIELDS: Mapping[str, Fields] = {
    "Message": (("receiver_user", "User", False), ("ephemeral_message_id", "Integer", False)),
    "InputRichMessage": (("blocks", "Array of InputRichBlock", False),),
}

_BLOCK: Fields = (("type", "String", True),)
TYPES: Mapping[str, Fields] = {
    "EphemeralMessageParameters": (
        ("receiver_user_id", "Integer", True),
        ("callback_query_id", "String", False),
        ("replace_callback_query_message", "Boolean", False),
    ),
    "InputRichBlockParagraph": (*_BLOCK, ("text", "RichText", True)),
    "InputRichBlockSectionHeading": (*_BLOCK, ("text", "RichText", True), ("size", "Integer", True)),
    "InputRichBlockPreformatted": (*_BLOCK, ("text", "RichText", True), ("language", "String", False)),
    "InputRichBlockBlockQuotation": (
        *_BLOCK,
        ("blocks", "Array of InputRichBlock", True),
        ("credit", "RichText", False),
    ),
    "InputRichBlockTable": (
        *_BLOCK,
        ("cells", "Array of Array of RichBlockTableCell", True),
        ("is_bordered", "Boolean", False),
        ("is_striped", "Boolean", False),
        ("caption", "RichText", False),
    ),
    "InputRichBlockDetails": (
        *_BLOCK,
        ("summary", "RichText", True),
        ("blocks", "Array of InputRichBlock", True),
        ("is_open", "Boolean", False),
    ),
}
UNIONS: Mapping[str, tuple[str, ...]] = {
    "InputRichBlock": tuple(name for name in TYPES if name.startswith("InputRichBlock")),
}
# A union is told apart by these.
KINDS: Mapping[str, str] = {
    "InputRichBlockParagraph": "paragraph",
    "InputRichBlockSectionHeading": "heading",
    "InputRichBlockPreformatted": "pre",
    "InputRichBlockBlockQuotation": "blockquote",
    "InputRichBlockTable": "table",
    "InputRichBlockDetails": "details",
}

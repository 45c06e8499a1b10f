"""Prepare posts for any channel: write Markdown in each markup, split long texts, replace what a channel
cannot carry.

The entry points are `plan` and the renderer of the channel. Everything here is pure.
"""

from connectors.rendering.degrading import in_words
from connectors.rendering.density import bounded
from connectors.rendering.document import escaped
from connectors.rendering.html import to_html
from connectors.rendering.plain import to_plain
from connectors.rendering.planning import FilePart, Part, TextPart, plan
from connectors.rendering.splitting import split
from connectors.rendering.units import length, shortened
from connectors.rendering.whatsapp import to_whatsapp

__all__ = [
    "FilePart",
    "Part",
    "TextPart",
    "bounded",
    "escaped",
    "in_words",
    "length",
    "plan",
    "shortened",
    "split",
    "to_html",
    "to_plain",
    "to_whatsapp",
]

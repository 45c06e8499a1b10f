"""Meta's Graph API, shared by the channels that use it: calls to it, and verification of its webhooks."""

from connectors.meta.failures import Meaning, as_send_error, find
from connectors.meta.graph import Graph, GraphError, Upload
from connectors.meta.receiving import decode, serve
from connectors.meta.signature import challenge, sign, verify

__all__ = [
    "Graph",
    "GraphError",
    "Meaning",
    "Upload",
    "as_send_error",
    "challenge",
    "decode",
    "find",
    "serve",
    "sign",
    "verify",
]

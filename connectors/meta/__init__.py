"""Meta's Graph API, shared by the channels that use it: calls to it, and verification of its webhooks."""

from connectors.meta.door import decode, serve
from connectors.meta.failures import Verdict, as_send_error, find
from connectors.meta.graph import Graph, GraphError, Upload
from connectors.meta.signature import challenge, sign, verify

__all__ = [
    "Graph",
    "GraphError",
    "Upload",
    "Verdict",
    "as_send_error",
    "challenge",
    "decode",
    "find",
    "serve",
    "sign",
    "verify",
]

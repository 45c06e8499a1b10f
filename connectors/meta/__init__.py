"""Meta's Graph API, for the channels that stand on it: one door out, one way to know who is knocking."""

from connectors.meta.door import decode, serve
from connectors.meta.failures import Verdict, as_send_error, find
from connectors.meta.graph import Graph, GraphError, Upload
from connectors.meta.node import Node, clean
from connectors.meta.signature import challenge, sign, verify

__all__ = [
    "Graph",
    "GraphError",
    "Node",
    "Upload",
    "Verdict",
    "as_send_error",
    "challenge",
    "clean",
    "decode",
    "find",
    "serve",
    "sign",
    "verify",
]

"""Files that people and the product send, kept in memory."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime

from connectors.sandbox.snapshots import Bytes


@dataclass(frozen=True, slots=True)
class KeptFile:
    id: str
    mime_type: str
    name: str
    content: Bytes
    kept_at: datetime

    @property
    def sha256_hex(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def sha256_base64(self) -> str:
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()

    def spoiled(self) -> bytes:
        """Return other bytes of the same length, as a broken download gives."""
        return bytes(byte ^ 0xFF for byte in self.content[:1]) + self.content[1:] or b"\x00"

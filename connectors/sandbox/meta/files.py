"""Files that people and the product send, kept in memory."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from connectors.sandbox.meta.errors import JsonObject


@dataclass(frozen=True, slots=True)
class KeptFile:
    id: str
    mime_type: str
    name: str
    content: bytes
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

    def snapshot(self) -> JsonObject:
        return {
            "id": self.id,
            "mime_type": self.mime_type,
            "name": self.name,
            "content": base64.b64encode(self.content).decode(),
            "kept_at": self.kept_at.timestamp(),
        }

    @classmethod
    def restored(cls, saved: Mapping[str, object]) -> Self:
        kept_at = saved["kept_at"]
        if not isinstance(kept_at, (int, float)):
            raise TypeError("kept_at is a number")
        return cls(
            id=str(saved["id"]),
            mime_type=str(saved["mime_type"]),
            name=str(saved["name"]),
            content=base64.b64decode(str(saved["content"])),
            kept_at=datetime.fromtimestamp(kept_at, UTC),
        )

"""Keeping passwords out of what people read."""

from __future__ import annotations

import re

HIDDEN = "***"

# A password may hold an unescaped @ or :, and so the last @ before the end of the host counts.
_PASSWORD = re.compile(r"""([a-z][a-z0-9+.-]*://[^\s/?#:@"'<>]*:)[^\s/?#"'<>]+@""", re.IGNORECASE)
_PARAMETER = re.compile(
    r"([?&][\w.-]*(?:password|passwd|pwd|passphrase|token|secret|api[_-]?key|signature)=)[^&\s\"'<>#]+", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """The text with the passwords of its URLs, and their parameters that are named like secrets, replaced by "***"."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1{HIDDEN}@", text))

"""What a page says, however its template breaks its lines."""

from __future__ import annotations

import re
from typing import Any


def flat(page: str) -> str:
    """A page with one space wherever its template has some; a browser shows the same."""
    return re.sub(r"\s+", " ", page)


def page(client: Any, url: str, status: int = 200) -> str:
    """What a client is shown at an address that answers as it should."""
    answer = client.get(url)
    text: str = answer.get_data(as_text=True)
    assert answer.status_code == status, f"{url}: {answer.status_code} {text[:2000]}"
    return text

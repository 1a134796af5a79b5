"""One POST of JSON over HTTPS, over in ten seconds; only 2xx is a yes, and no redirect is followed."""

from __future__ import annotations

import http.client
import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

from app import http_lines

TIMEOUT_SECONDS = 10
MOST_BYTES = 64 * 1024


class NotTaken(RuntimeError):
    """The other side answered no, or not at all."""


def is_here(host: str) -> bool:
    """Whether the host is this very machine, where nobody listens between."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secured(name: str, url: str) -> str:
    """The address that a setting gives; told at the start, not with the first code, when it would go in clear text."""
    place = urlsplit(url)
    if place.scheme != "https" and not (place.scheme == "http" and is_here(place.hostname or "")):
        raise RuntimeError(f"{name} 应以 https:// 开头（只有本机可用 http://），现为 {place.scheme}://")
    return url


def body_of(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def post(url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The answer's JSON ({} for another body), or NotTaken with what was answered."""
    headers = {"Content-Type": "application/json; charset=utf-8", **headers}
    try:
        status, text = http_lines.asked(url, body, headers, TIMEOUT_SECONDS, MOST_BYTES)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotTaken(f"{type(error).__name__}: {error}"[:200]) from error
    if not 200 <= status < 300:
        raise NotTaken(f"HTTP {status}")
    try:
        found = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

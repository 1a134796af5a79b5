"""One POST of JSON over HTTPS, over in ten seconds; only 2xx is a yes, and no redirect is followed."""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10


class NotTaken(RuntimeError):
    """The other side answered no, or not at all."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


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
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read(65536)
    except urllib.error.HTTPError as error:
        raise NotTaken(f"HTTP {error.code}") from error
    except (OSError, ValueError) as error:
        raise NotTaken(f"{type(error).__name__}: {error}") from error
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

"""Whether an address that somebody typed may be called from here, and the one IP address that is then called.

A name is resolved once and the connection goes to that very address: what the name says a second later does not
matter. Only addresses of the public net, and what the operator allows by name or network (WEBHOOK_ALLOWED).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.errors import Refusal, refuse
from app.wording import say

_allowed: tuple[str, ...] = ()
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: scheme, host as named, port, path with its query, and the address that was looked up."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


def allow(entries: str | Iterable[str]) -> None:
    """Take the operator's exceptions: hosts, `host:port`, networks such as 10.20.0.0/16."""
    global _allowed
    given = entries.split(",") if isinstance(entries, str) else entries
    _allowed = tuple(e.strip().lower() for e in given if e.strip())


def target(url: str) -> Target:
    """The target of a webhook's address, or a refusal in words."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _bad("不是网址", "例如 https://example.com/notify") from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("https", "http") or not host:
        raise _bad("不是 https 网址", "例如 https://example.com/notify")
    if parts.username is not None or parts.password is not None:
        raise _bad("带有用户名或密码", "请去掉；对方应核对签名，而不是密码")
    if any(c.isspace() or ord(c) < 33 for c in url.strip()) or parts.fragment:
        raise _bad("含有空格或 # 部分", "请核对网址")
    port = port or (443 if parts.scheme == "https" else 80)
    named = _is_named(host, port)
    if parts.scheme != "https" and not named:
        raise _bad("不是 https", "请改用 https，通知内容不能明文传送")
    address = _resolved(host, port, named)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, address)


def _resolved(host: str, port: int, named: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _bad(say("找不到 %(host)s", host=host), "请核对域名") from None
    addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
    if not addresses:
        raise _bad(say("找不到 %(host)s", host=host), "请核对域名")
    # One inner address among several is enough to refuse: which one is taken would be chance.
    if not named and not all(_is_public(a) or _in_allowed_network(a) for a in addresses):
        raise _bad(
            say("%(host)s 指向内部或保留的地址", host=host), "请使用公网地址；确需内网的，请管理员加入 WEBHOOK_ALLOWED"
        )
    return str(addresses[0])


def _is_public(address: Address) -> bool:
    """Neither loopback, private, link-local, multicast nor reserved; an IPv4 address inside an IPv6 one counts."""
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None:
        return _is_public(inner)
    if isinstance(address, ipaddress.IPv6Address) and (address.teredo or address not in _GIVEN_OUT):
        return False
    return address.is_global and not address.is_multicast


# All that is given out to the world as IPv6. Outside lie ways into networks of one's own that count as global:
# site-local ones, and IPv4 addresses as NAT64, translators and the compatible form write them.
_GIVEN_OUT = ipaddress.ip_network("2000::/3")


def _is_named(host: str, port: int) -> bool:
    return host in _allowed or f"{host}:{port}" in _allowed


def _in_allowed_network(address: Address) -> bool:
    for entry in _allowed:
        try:
            if "/" in entry and address in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def _bad(found: str, remedy: str) -> Refusal:
    return refuse("网址回调地址", found, remedy, field="webhook")

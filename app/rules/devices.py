"""What a browser says about itself in words that its owner knows it by; an address that says no more than needed."""

from __future__ import annotations

import ipaddress

# The first that is found counts: most browsers name others in whose likeness they were made.
_PROGRAMS = (
    ("MicroMessenger", "微信"), ("DingTalk", "钉钉"), ("Edg", "Edge"), ("OPR/", "Opera"),
    ("HuaweiBrowser", "华为浏览器"), ("MiuiBrowser", "小米浏览器"), ("QQBrowser", "QQ 浏览器"),
    ("UCBrowser", "UC 浏览器"), ("Firefox", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("HarmonyOS", "鸿蒙手机"), ("OpenHarmony", "鸿蒙手机"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Android", "安卓手机"),
    ("Windows", "Windows 电脑"), ("Macintosh", "Mac 电脑"), ("Linux", "Linux 电脑"),
)  # fmt: skip
UNKNOWN = "未知设备"


def device_words(agent: str) -> str:
    """`Windows 电脑 · Chrome` of a User-Agent; only words of this table, so nothing typed by a stranger is shown."""
    found = [next((word for mark, word in table if mark in agent[:512]), "") for table in (_SYSTEMS, _PROGRAMS)]
    return " · ".join(word for word in found if word) or UNKNOWN


def is_phone(agent: str, mobile: str) -> bool:
    """Whether it is a phone: by the hint `Sec-CH-UA-Mobile` where the browser gives one, else by its User-Agent.

    A phone that was told to ask for desktop pages says so in both. A tablet has the room of a desk.
    """
    if mobile in ("?0", "?1"):
        return mobile == "?1"
    return "Mobi" in agent[:512] and "iPad" not in agent[:512]


def short_address(address: str | None) -> str | None:
    """The network of an address: 203.0.113.x, 2001:db8:1::x. Text that is no address is none."""
    held = _address(address)
    if held is None:
        return None
    if held.is_loopback:
        return "本机"
    if isinstance(held, ipaddress.IPv4Address):
        return str(held).rpartition(".")[0] + ".x"
    return str(ipaddress.ip_network((held, 48), strict=False).network_address).rstrip(":") + "::x"


def place_of(address: str | None) -> str:
    """From where somebody comes; of IPv6 the network, of which one household has 2^64 addresses.

    A reverse proxy on this host is everybody: it is no place, for locking it would lock all.
    """
    held = _address(address)
    if held is None or held.is_loopback:
        return ""
    return str(held) if held.version == 4 else str(ipaddress.ip_network((held, 64), strict=False).network_address)


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """What the text says, an IPv4 address in IPv6's dress as such; None of what is no address."""
    try:
        held = ipaddress.ip_address((text or "").split("%")[0])
    except ValueError:
        return None
    mapped = held.ipv4_mapped if isinstance(held, ipaddress.IPv6Address) else None
    return held if mapped is None else mapped

"""Words for a browser, and addresses cut to their network."""

from __future__ import annotations

import pytest

from app.rules.devices import UNKNOWN, device_words, is_phone, place_of, short_address

pytestmark = pytest.mark.feature("ACC-15")
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CHROME, "Windows 电脑 · Chrome"), (CHROME + " Edg/126.0", "Windows 电脑 · Edge"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1", "iPhone · Safari"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/120 Mobile MicroMessenger/8.0", "安卓手机 · 微信"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Linux 电脑 · Firefox"),
        ("curl/8.0", UNKNOWN), ("", UNKNOWN), ("<script>alert(1)</script>", UNKNOWN), ("x" * 9000 + "Chrome", UNKNOWN),
    ],
)  # fmt: skip
def test_words_of_a_browser(agent: str, words: str) -> None:
    assert device_words(agent) == words


@pytest.mark.parametrize(
    ("agent", "hint", "phone"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1", "", True),
        ("Mozilla/5.0 (Linux; Android 14; K) Chrome/126.0 Mobile Safari/537.36", "", True),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 Mobile HuaweiBrowser/5.0", "", True),
        ("Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "", True),
        ("Mozilla/5.0 (Linux; Android 14; K) Chrome/126.0 Safari/537.36", "", False),  # a tablet
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Version/12.1 Mobile/15E148 Safari/604.1", "", False),
        (CHROME, "", False), (CHROME, "?1", True), ("", "", False), ("x" * 9000 + "Mobile", "", False),
        # A phone that was told to ask for the desktop page.
        ("Mozilla/5.0 (Linux; Android 14; K) Chrome/126.0 Mobile Safari/537.36", "?0", False),
        ("Mozilla/5.0 (Linux; Android 14; K) Chrome/126.0 Mobile Safari/537.36", "yes", True),
    ],
)  # fmt: skip
def test_what_is_a_phone(agent: str, hint: str, phone: bool) -> None:
    assert is_phone(agent, hint) is phone


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("203.0.113.77", "203.0.113.x"), ("2001:db8:1:2::7", "2001:db8:1::x"), ("::ffff:203.0.113.77", "203.0.113.x"),
        ("127.0.0.1", "本机"), ("::1", "本机"), ("fe80::1%eth0", "fe80::x"), (None, None), ("", None),
        ("nowhere", None),
    ],
)  # fmt: skip
def test_an_address_says_its_network_only(address: str | None, short: str | None) -> None:
    assert short_address(address) == short


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.77", "203.0.113.77"), ("2001:db8:1:2::7", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"), ("2001:db8:1:3::", "2001:db8:1:3::"),
        ("::ffff:203.0.113.77", "203.0.113.77"), ("127.0.0.1", ""), ("::1", ""), (None, ""), ("nowhere", ""),
    ],
)  # fmt: skip
def test_a_place_is_an_address_or_a_network_of_ipv6(address: str | None, place: str) -> None:
    assert place_of(address) == place

"""Numbers that no row can have and text that no database keeps: refused in words at every door, never a 5xx."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import NotFound as HTTPNotFound
from werkzeug.routing import IntegerConverter

from app import scope
from app.errors import NotFound
from app.models import Account, Elevator
from tests.conftest import csrf
from tests.factories import PASSWORD, World

BIG = (2**31, 2**63 - 1, 2**63, 2**64, 10**30, 10**4000)
pytestmark = pytest.mark.feature("INT-04")


def doors(app: Any, method: str, key: int) -> list[str]:
    """Every route with a row's number in it, at this number; built as text, as a hostile hand types it."""
    found = []
    for rule in app.url_map.iter_rules():
        numbers = [n for n, c in rule._converters.items() if isinstance(c, IntegerConverter)]
        if numbers and method in rule.methods:
            address = rule.rule
            for name in rule.arguments:
                part = address[address.index("<") : address.index(">") + 1]
                address = address.replace(part, str(key) if name in part and name in numbers else "kind", 1)
            found.append(address)
    return sorted(set(found))


def token_for(app: Any, account: Any) -> dict[str, str]:
    """The header of a token of this account."""
    sent = {"username": account.username, "password": PASSWORD}
    answer = app.test_client().post("/api/v1/security/login", json=sent)
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def test_a_number_too_large_is_a_missing_row(app: Any, world: World, sign_in: Any, menu_once: None) -> None:
    browser = sign_in(world.accounts["platform_admin"])
    addresses = doors(app, "GET", BIG[0])
    assert len(addresses) > 20
    answers = {address: browser.get(address).status_code for address in addresses}
    assert not {address: status for address, status in answers.items() if status >= 500}


def test_nor_does_a_post_to_it_break(app: Any, world: World, sign_in: Any, menu_once: None) -> None:
    browser = sign_in(world.accounts["region_admin"])
    sent = {"csrf_token": csrf(browser), "ids": str(BIG[0])}
    answers = {address: browser.post(address, data=sent).status_code for address in doors(app, "POST", BIG[0])}
    assert not {address: status for address, status in answers.items() if status >= 500}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("key", BIG[1:4])
def test_more_digits_than_any_row_has_lead_nowhere(app: Any, method: str, key: int) -> None:
    """They are refused by the address alone, before a view or a database is asked."""
    router = app.url_map.bind("localhost")
    found = []
    for address in doors(app, method, key):
        try:
            found.append(router.match(address, method=method))
        except HTTPNotFound:
            continue
    assert found == []


@pytest.mark.parametrize("db_kind", ["sqlite"], scope="session")  # no view is reached: see above
@pytest.mark.parametrize(("method", "who"), [("GET", "platform_admin"), ("POST", "region_admin")])
def test_and_that_is_told(app: Any, world: World, sign_in: Any, menu_once: None, method: str, who: str) -> None:
    browser = sign_in(world.accounts[who])
    sent = {"csrf_token": csrf(browser), "ids": str(BIG[2])} if method == "POST" else None
    addresses = doors(app, method, BIG[2])
    answers = {address: browser.open(address, method=method, data=sent).status_code for address in addresses}
    assert not {address: status for address, status in answers.items() if status not in (403, 404)}


def test_digits_without_end(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["platform_admin"])
    assert browser.get(f"/elevators/{'9' * 5000}").status_code == 404


@pytest.mark.parametrize("key", [*BIG, -1, "1 or 1", None, 1.5])
def test_scope_takes_any_key(session: Any, world: World, key: Any) -> None:
    for model in (Elevator, Account):
        with pytest.raises(NotFound):
            scope.visible(session, world.actor("platform_admin"), model, key)


# --- text

LONE = '"\\ud800"'


@pytest.mark.parametrize("text", [LONE, '"a\\udfffb"', '"a\\u0000b"'])
@pytest.mark.parametrize(
    "shape", ['{{"code": {0}}}', '{{"client_key": {0}, "code": "1"}}', '{{"a": [{{"b": {0}}}]}}', "{{{0}: 1}}", "[{0}]"]
)
def test_json_that_is_no_text_is_refused(app: Any, world: World, text: str, shape: str) -> None:
    headers = token_for(app, world.accounts["worker"]) | {"Content-Type": "application/json"}
    answer = app.test_client().post("/api/v1/visits", data=shape.format(text), headers=headers)
    assert answer.status_code == 400 and "不能保存的字符" in answer.json["errors"][0]["found"]


@pytest.mark.parametrize("address", ["/api/v1/security/login", "/api/v1/visits/1/check-out"])
@pytest.mark.parametrize("name", ["username", "password", "problem", "verb", "seen_version"])
def test_every_door_of_json(app: Any, world: World, address: str, name: str) -> None:
    sent = f'{{"username": "a", "password": "b", "{name}": {LONE}}}'
    answer = app.test_client().post(address, data=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json["errors"][0]["field"] == name


def test_a_pair_is_text(app: Any, world: World) -> None:
    """An emoji is sent as two halves that make one whole."""
    headers = token_for(app, world.accounts["worker"]) | {"Content-Type": "application/json"}
    answer = app.test_client().post("/api/v1/visits", data='{"code": "\\ud83d\\ude00"}', headers=headers)
    assert answer.status_code == 422


def test_json_without_bottom(app: Any, world: World) -> None:
    headers = token_for(app, world.accounts["worker"]) | {"Content-Type": "application/json"}
    for sent in ("[" * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000, '{"code": 1e999}', '{"code": NaN}'):
        assert app.test_client().post("/api/v1/visits", data=sent, headers=headers).status_code in (400, 422)


@pytest.mark.parametrize("value", ["a%00b", "%ED%A0%80", "%C0%80", "%F5%80%80%80"])
def test_forms_and_queries(world: World, sign_in: Any, value: str) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    token = csrf(browser)
    for name in ("number", "note", "kind", "starts_on", "use_unit_id"):
        body = f"csrf_token={token}&number=1&{name}={value}"
        answer = browser.post("/contracts/new", data=body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (400, 422), name
    for address in ("/elevators/", "/visits/", "/orders/", "/warnings/", "/api/v1/visits"):
        assert browser.get(f"{address}?q={value}&state={value}&page={value}&size={value}").status_code < 500, address
    assert browser.get(f"/m/e/{value}").status_code < 500


def test_statistics_over_the_edges_of_the_calendar(app: Any, world: World, sign_in: Any) -> None:
    """A last day in the year 1 has no thirty days before it: an odd page, not a 500."""
    browser = sign_in(world.accounts["region_admin"])
    rules = [r for r in app.url_map.iter_rules() if "statistics" in r.rule and not r.arguments]
    pages = {r.rule for r in rules if "GET" in r.methods}
    assert {"/complaints/statistics", "/iot/statistics"} <= {page.rstrip("/") for page in pages}
    days = ("to_on=0001-01-01", "from_on=9999-12-31", "from_on=0001-01-01&to_on=9999-12-31", "to_on=2026-02-30")
    wrong = [(p, d, s) for p in sorted(pages) for d in days if (s := browser.get(f"{p}?{d}").status_code) >= 500]
    assert wrong == []


# Names under which an address asks for a day, a month, an instant.
OF_TIME = re.compile(r"(^|_)(on|at|of|from|to|day|days|month|since|until|date|period|year|quarter|time)$")
EDGES = (
    "0001-01-01", "9999-12-31", "1949-12-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-02T00:00:00+08:05", "0001-01", "9999-12",
)  # fmt: skip


class Watched(ImmutableMultiDict[str, str]):
    """A query that notes under which names it is asked."""

    names: set[str] = set()

    def get(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self.names.add(str(key))
        return super().get(key, *args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        self.names.add(str(key))
        return super().__getitem__(key)

    def __contains__(self, key: Any) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)


def pages(app: Any, world: World) -> list[str]:
    """Every address to look at, of rows that are there."""
    rows = {
        "elevators": world.own.id, "units": world.firm.id, "contracts": world.contract.id, "people": world.worker.id,
        "ledgers": world.own.id, "map": world.own.id,
    }  # fmt: skip
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.rule.startswith(("/static", "/appbuilder", "/logout", "/ops")):
            continue
        key = next((number for name, number in rows.items() if f"/{name}/" in rule.rule), 1)
        found.append(re.sub(r"<([^>]*:)?[^>]+>", lambda m, key=key: str(key) if m[1] == "int:" else "kind", rule.rule))
    return sorted(set(found))


@pytest.mark.parametrize("persona", ["region_admin", "worker"])
def test_days_and_instants_at_the_edges_break_no_page(
    app: Any, world: World, sign_in: Any, menu_once: None, persona: str
) -> None:
    """Whatever a page or a call reads as a day or an instant, it takes the first and the last there can be."""
    browser = sign_in(world.accounts[persona])
    asked: dict[str, set[str]] = {}
    with pytest.MonkeyPatch.context() as watching:
        watching.setattr(app.request_class, "parameter_storage_class", Watched)
        for address in pages(app, world):
            Watched.names = set()
            if browser.get(address).status_code == 200:
                asked[address] = {name for name in Watched.names if OF_TIME.search(name)}
    asked = {address: names for address, names in asked.items() if names}
    if persona == "region_admin":
        assert {"as_of", "known_at"} <= asked[f"/elevators/{world.own.id}"] & asked[f"/units/{world.firm.id}"]
        assert len(asked) > 40 and {"/elevators/", "/api/v1/elevators"} <= asked.keys()
    broken = []
    for address, names in asked.items():
        for edge in EDGES:
            tried = [dict.fromkeys(names, edge)]
            if "as_of" in names:
                tried.append({"as_of": "2026-01-01", "known_at": edge})
            broken += [
                (address, given, status) for given in tried
                if (status := browser.get(address, query_string=given).status_code) >= 500
            ]  # fmt: skip
    assert broken == []

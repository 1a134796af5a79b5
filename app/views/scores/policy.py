"""政策参数: every number that judges, for a region on a day: its origin, source, history, what is to come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import abort, g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.models import PolicyProposal, PolicyValue, Region
from app.models.policy import policy_book, policy_version
from app.permissions import Verb
from app.policy import PRESET_KEY, PRESETS, SPECS, Held, Key, chain, shown
from app.views.frame import screens
from app.views.frame.days import typed_day
from app.views.frame.policy_words import origin, place, region_choices, region_names
from app.views.frame.told import told
from app.wording import say
from app.workflows.approval import policies
from app.workflows.approval.policies import COUNTRY
from app.workflows.approval.submissions import name_of


class Policy(BaseView):
    route_base = "/policy"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        findings: list[Finding] = []
        on, code = _day(findings), _region(findings)
        names = region_names()
        book = policy_book(db.session, code, on)
        later, waiting, sources = _later(code, on), _waiting(code), _sources(book)
        rows = [
            {
                "key": key.value, "meaning": SPECS[key].meaning, "value": shown(key, held.value),
                "origin": origin(held, names), "since": held.effective_on, "group": SPECS[key].group,
                "own": held.region_code == code, "preset": held.preset, "source": _source(held, sources),
                "later": later.get(key.value, []), "waiting": waiting.get(key.value),
            }
            for key, held in book.items()
        ]  # fmt: skip
        words, own = " ".join(request.args.get("q", "")[:40].split()), "own" in request.args
        found = [row for row in rows if ((row["own"] and not row["preset"]) or not own) and _named(row, words)]
        groups = _grouped(found, lambda row: row["group"])
        # Without the country: the page has its own word for it.
        choices = [(key, name) for key, name in region_choices(names, g.actor) if key != COUNTRY]
        return self.render_template(
            "ta/platform/policy.html", title=_("政策参数"), groups=groups, code=code, name=place(code, names),
            on=on.isoformat(), version=policy_version(db.session, code, on), findings=findings, choices=choices,
            may_edit=g.actor.may(Verb.POLICY_EDIT), preset=_preset(code, on, names), later=later.get(PRESET_KEY, []),
            waiting=waiting.get(PRESET_KEY), open_count=_open_count(), words=words, own=own, count=len(found),
        )  # fmt: skip

    @expose("/keys/<string:key>")
    @has_access
    @permission_name("read")
    def key(self, key: str) -> Any:
        """One parameter: what it means, what it is here and above, what it was, what the five presets say."""
        if key != PRESET_KEY and key not in set(Key):
            abort(404)
        findings: list[Finding] = []
        on, code = _day(findings), _region(findings)
        names, codes = region_names(), chain(code)
        spec = SPECS.get(Key(key)) if key != PRESET_KEY else None
        held = policy_book(db.session, code, on)[Key(key)] if key != PRESET_KEY else None
        rows = [
            {
                "id": row.id, "region": names.get(row.region_code, _("全国")), "own": row.region_code == code,
                "value": policies.value_words(key, row.value), "from": row.effective_on, "source": row.source,
                "known_at": clock.local(row.known_at).strftime("%Y-%m-%d %H:%M"),
                "by": name_of(db.session, row.set_by_id), "ahead": row.effective_on > on,
            }
            for row in policies.history(db.session, key, codes)
        ]  # fmt: skip
        proposals = scope.apply(select(PolicyProposal), g.actor).where(
            PolicyProposal.key == key, PolicyProposal.region_code.in_(codes)
        )
        return self.render_template(
            "ta/platform/policy_key.html", title=policies.words(key), key=key, spec=spec, code=code,
            name=names.get(code, _("全国")), on=on.isoformat(), held=held, findings=findings, rows=rows,
            value=shown(Key(key), held.value) if held is not None else None, names=names,
            origin=origin(held, names) if held is not None else None, presets=_presets(key), words=policies.value_words,
            proposals=db.session.scalars(proposals.order_by(PolicyProposal.id.desc()).limit(20)).all(),
            may_edit=g.actor.may(Verb.POLICY_EDIT), preset=_preset(code, on, names), who=name_of,
            session=db.session,
        )  # fmt: skip


class PolicyVersions(BaseView):
    """What a version said, for everybody whom it judged."""

    route_base = "/policy/versions"
    default_view = "show"

    @expose("/<string:version>")
    @has_access
    @permission_name("read")
    def show(self, version: str) -> Any:
        findings: list[Finding] = []
        code = request.args.get("region", "")
        known = len(code) == 12 and code.isascii() and code.isdigit()
        on = _day(findings)
        said = policies.said(db.session, version[:20], code if known else None, on)
        if said is None:
            abort(404)
        rows = [(SPECS[k].group, SPECS[k].meaning, shown(k, said[k.value]), k.value) for k in Key if k.value in said]
        now = policy_book(db.session, code if known else None, clock.today())
        return self.render_template(
            "ta/platform/policy_version.html", title=_("政策版本 %(v)s", v=version[:20]),
            groups=_grouped(rows, lambda row: row[0]),
            differs={k.value: shown(k, now[k].value) for k in Key if k.value in said and now[k].value != said[k.value]},
            region=region_names().get(code, _("全国")) if known else "", on=on.isoformat(),
        )  # fmt: skip


def _named(row: dict[str, Any], words: str) -> bool:
    """All the words stand in its meaning, its group or its key, in the reader's language."""
    said = f"{told(row['meaning'])} {told(row['group'])} {row['key']}".casefold()
    return all(word in said for word in words.casefold().split())


def _grouped(rows: list[Any], group: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    """Each group once, in the order of its first row, wherever its other rows stand."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(group(row), []).append(row)
    return list(found.items())


def _sources(book: Any) -> dict[int, str | None]:
    ids = {held.row_id for held in book.values() if held.row_id is not None}
    return dict(db.session.execute(select(PolicyValue.id, PolicyValue.source).where(PolicyValue.id.in_(ids))).all())


def _source(held: Held, sources: dict[int, str | None]) -> str:
    said = sources.get(held.row_id or 0)
    return said or (PRESETS[held.preset].source if held.preset else "")


def _later(code: str, on: dt.date) -> dict[str, list[tuple[dt.date, str]]]:
    """By key what takes force after the day, here or above."""
    found: dict[str, list[tuple[dt.date, str]]] = {}
    for row in policies.upcoming(db.session, chain(code), on):
        found.setdefault(row.key, []).append((row.effective_on, policies.value_words(row.key, row.value)))
    return found


def _waiting(code: str) -> dict[str, int]:
    """By key the proposal for this region that waits for a second person."""
    statement = scope.apply(select(PolicyProposal.key, PolicyProposal.id), g.actor, PolicyProposal).where(
        PolicyProposal.region_code == code, PolicyProposal.state == "proposed"
    )
    return dict(db.session.execute(statement).all())


def _open_count() -> int:
    statement = select(func.count()).select_from(PolicyProposal).where(PolicyProposal.state == "proposed")
    return db.session.scalar(scope.apply(statement, g.actor, PolicyProposal)) or 0


def _preset(code: str, on: dt.date, names: dict[str, str]) -> tuple[str, str]:
    """The nearest preset up the tree that holds on the day: its label, and which region says so."""
    codes = chain(code)
    rows = [r for r in policies.history(db.session, PRESET_KEY, codes) if r.effective_on <= on]
    for one in codes:
        own = max((r for r in rows if r.region_code == one), key=lambda r: (r.effective_on, r.id), default=None)
        if own is not None and own.value in PRESETS:
            return PRESETS[own.value].label, names.get(one, _("全国"))
    return PRESETS["huzhou"].label, _("缺省")


def _presets(key: str) -> list[tuple[str, str, str]]:
    """What each preset says of a key: label, value, source; one that does not list it says nothing."""
    if key == PRESET_KEY:
        return [(p.label, "", p.source) for p in PRESETS.values()]
    known = Key(key)
    return [
        (p.label, shown(known, p.values[known]) if known in p.values else _("未规定，随上级"), p.source)
        for p in PRESETS.values()
    ]


def _day(findings: list[Finding]) -> dt.date:
    day, wrong = typed_day(request.args.get("on", ""), "on", _("日期"))
    if wrong is not None:
        findings.append(replace(wrong, found=say("%(found)s，已改为今天", found=wrong.found)))
    return day or clock.today()


def _region(findings: list[Finding]) -> str:
    typed, own = request.args.get("region", ""), g.actor.region_code or COUNTRY
    if not typed or typed == own:
        return own
    span = g.actor.region_span
    well_formed = len(typed) == 12 and typed.isascii() and typed.isdigit()
    inside = span is None or span[0] <= typed < span[1]
    if well_formed and inside and db.session.scalar(select(Region.id).where(Region.code == typed)):
        return typed
    found = _("没有地区 %(code)s，或不在您的管辖范围内，已改为本辖区", code=typed)
    findings.append(Finding(_("地区"), False, found, _("请从列表选择"), field="region", value=typed))
    return own


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("Policy", "can_read", Verb.POLICY_READ)
    screens.declare("PolicyVersions", "can_read", Verb.HOME)
    appbuilder.add_view_no_menu(Policy)
    appbuilder.add_view_no_menu(PolicyVersions)

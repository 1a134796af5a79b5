"""What the audit log is told, people can read: each deed, entity and field that the code records has a word."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest

from app import clock, rules
from app.models import AuditEntry
from app.models.base import Model
from app.models.safety import SAFETY_RECORD
from app.policy import INHERIT
from app.reports.bulletin.document import parts_of_texts
from app.transaction import transaction
from app.views.access.accounts import ACTION_WORDS
from app.views.data import audit_names, audit_values, audit_words
from app.views.data.audit_names import Object
from app.workflows.approval.kinds import HANDLERS, handlers
from app.workflows.core import audit
from app.workflows.rescue import rescue_course
from tests.databases import ROOT
from tests.factories import make_elevator
from tests.foreign_rows import KEY, foreign_rows
from tests.statements import statements


def recorded() -> Iterator[tuple[str, ast.Call]]:
    """Each call of `audit.record` with its file's name."""
    for file in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                yield file.name, node


TABLES = {mapper.class_.__name__: mapper.local_table.name for mapper in Model.registry.mappers}


def constant(node: ast.Call, place: int) -> str | None:
    """A text, or the name of a model's table."""
    found = node.args[place] if len(node.args) > place else None
    if isinstance(found, ast.Attribute) and found.attr == "__tablename__":
        return TABLES.get(ast.unparse(found.value))
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


def unions(value: ast.expr) -> Iterator[ast.expr]:
    """What `a | b` puts together, or the thing itself."""
    if isinstance(value, ast.BinOp):
        yield from unions(value.left)
        yield from unions(value.right)
    else:
        yield value


@pytest.mark.feature("AUD-01")
def test_every_deed_entity_and_field_of_the_log_has_a_word() -> None:
    silent, calls = set(), 0
    for file, node in recorded():
        calls += 1
        action, entity = constant(node, 3), constant(node, 4)
        if action and action.rpartition(".")[2] not in audit_words.DEED:
            silent.add(f"{file}: {action}")
        if entity and entity not in audit_words.ENTITY:
            silent.add(f"{file}: {entity}")
        told = [part for value in (*node.args[5:], *(k.value for k in node.keywords)) for part in unions(value)]
        for key in (key for each in told if isinstance(each, ast.Dict) for key in each.keys):
            if entity and isinstance(key, ast.Constant) and audit_words.field_word(entity, key.value) == key.value:
                silent.add(f"{file}: {entity}.{key.value}")
    assert calls > 100
    assert not silent, "\n".join(sorted(silent))


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize(
    ("entity", "field", "value", "said"),
    [
        ("application", "state", "submitted", "待受理"), ("elevator", "status", "in_use", "在用"),
        ("elevator", "is_secret", True, "是"), ("application", "internal", False, "否"),
        ("elevator", "address", "in_use", "in_use"), ("elevator", "status", None, None), ("nowhere", "n", 3, 3),
        ("nowhere", "n", [3, 4], "3、4"), ("nowhere", "n", [], ""), ("elevator", "status", ["in_use"], "在用"),
        ("account", "roles", ["use_head", "clerk"], "使用单位负责人、维保文员"), ("account", "roles", ["gone"], "gone"),
        ("nowhere", "n", "2026-11-27T03:54:16.916533+00:00", "2026-11-27 11:54:16"),
        ("nowhere", "n", "2026-11-27", "2026-11-27"), ("nowhere", "n", "2026-11-27T03:54", "2026-11-27T03:54"),
    ],
)  # fmt: skip
def test_a_choice_is_said_in_its_word_and_everything_else_as_it_is(
    app: object, entity: str, field: str, value: object, said: object
) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        assert audit_values.Values().word(entity, field, value) == said


# Deeds whose names are put together where they are recorded.
COMPOSED = {
    "visit": ("approved", "rejected", "age", "take_over"), "safety": tuple(SAFETY_RECORD),
    "component": ("replaced", "removed"), "rescue": (rescue_course.OPENED.partition(".")[2], "undo"),
    "repair": ("undo",), "elevator": ("save_drafts", "delete_drafts", "save_draft", "in_force", "delete", "reveal"),
    "account": ("totp_on", "totp_off", "sms_on", "sms_off", "lock", "unlock", "deactivate", "reactivate",
                "release_phone"),
    "calendar": ("set", "clear"), "message": ("publish", "withhold"),
}  # fmt: skip


@pytest.mark.feature("AUD-01")
def test_no_step_of_any_course_and_no_composed_deed_stays_a_key(app: Any) -> None:
    steps = {
        verb.value
        for module in pkgutil.iter_modules(rules.__path__)
        for name, found in vars(importlib.import_module(f"app.rules.{module.name}")).items()
        if name.endswith("Verb") and isinstance(found, type) and issubclass(found, StrEnum)
        for verb in found
    }
    assert len(steps) > 50 and {"endorse", "bring_label"} <= steps
    with app.test_request_context():
        assert {deed for deed in steps if audit_words.action_word(f"nowhere.{deed}") == f"nowhere.{deed}"} == set()
        for area, deeds in COMPOSED.items():
            for deed in deeds:
                said = audit_words.action_word(f"{area}.{deed}")
                assert said != f"{area}.{deed}" and not re.search("[a-z_]{3}", said), (area, deed)


@pytest.mark.feature("AUD-01")
@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("contract.bind", "绑定电梯"), ("identity.bind", "绑定外部身份"), ("iot_device.bind", "绑定电梯"),
        ("ledger.save", "设备履历 · 保存履历"), ("team.save", "保存小组"), ("insurance_record.save", "保存明细"),
        ("person.leave", "离职"), ("team.leave", "退出小组"), ("spot_check.confirm", "通过复查"),
        ("patrol.check", "巡检一台"), ("landing_door.check", "检查层门"), ("rescue.join", "并入"),
        ("visit.join", "加入协同维保"), ("fraud_case.open", "立案"), ("repair.open", "报修"),
        ("login.second", "登录 · 二次验证"), ("application.second", "会签"), ("account.grant", "增加子用户数"),
        ("comment.make", "发表留言"), ("export.make", "导出"), ("nowhere.made_up", "nowhere.made_up"),
    ],
)  # fmt: skip
def test_one_key_of_two_deeds_has_two_words(app: Any, action: str, said: str) -> None:
    with app.test_request_context():
        assert audit_words.action_word(action) == said


@pytest.mark.feature("ACC-12", "AUD-01")
def test_an_accounts_history_is_told_in_words(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    told = {action for _file, node in recorded() if constant(node, 4) == "account" and (action := constant(node, 3))}
    told |= {f"account.{deed}" for deed in COMPOSED["account"]}
    assert len(told) > 25 and {a for a in told if a not in ACTION_WORDS} == set()
    row = world.accounts["clerk"]
    with transaction(session):
        audit.record(session, world.actor("region_admin"), clock.now(), "account.release_phone", "account", row.id)
    page = sign_in(world.accounts["region_admin"]).get(f"/accounts/{row.id}").text
    assert "手机随本人转到新单位的账号" in page and "release_phone" not in page


@pytest.mark.feature("AUD-01")
def test_who_looks_for_a_word_finds_what_is_called_so(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    actor = world.actor("region_admin")
    with transaction(session):
        for action in ("identity.bind", "contract.bind", "team.save", "ledger.save", "export.make"):
            audit.record(session, actor, clock.now(), action, "account", actor.user_id)
    browser = sign_in(world.accounts["platform_admin"])

    def found(word: str) -> set[str]:
        with app.test_request_context():
            names = next(names for names, said in audit_words.action_choices() if said == word)
        page = browser.get("/audit/", query_string={"action": names}).text
        told = re.findall(r'<td class="ta-nw">([^<]+)</td>\n<td class="ta-all" style="min-width:\d+em">', page)
        return set(told)

    assert found("绑定外部身份") == {"绑定外部身份"} and found("绑定电梯") == {"绑定电梯"}
    assert found("保存小组") == {"保存小组"} and found("保存履历") == {"设备履历 · 保存履历"}
    assert found("导出") == {"导出"} and found("登录") == {"登录 · 成功"}


def test_a_bulletin_is_checked_and_signed_not_patrolled(app: object) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        assert [audit_words.action_word(f"bulletin.{deed}") for deed in ("check", "issue")] == ["核对无误", "签发"]
        assert audit_words.action_word("enforcement.issue") == "下达"


@pytest.mark.feature("AUD-01")
def test_a_word_is_offered_once_and_stands_for_all_that_it_names(app: object) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        for choices, table in (
            (audit_words.action_choices()[1:], audit_words.DEED | audit_words._OWN),
            (audit_words.entity_choices(), audit_words.ENTITY),
        ):  # fmt: skip
            said = [word for _names, word in choices]
            assert len(said) == len(set(said))
            assert sorted(name for names, _word in choices for name in names.split(",")) == sorted(table)
            assert max(len(names) for names, _word in choices) <= 80  # what the page reads of a choice


# The log names no row of these: they have no number in it, or the number alone is their name.
NAMELESS = {
    "audit", "calendar", "demo", "export", "policy_value", "retention", "schedule", "sealing", "statistics", "version",
    "visit_sheets",
}  # fmt: skip
# Personal even to a platform administrator.
PERSONAL = {"notification"}


@pytest.mark.feature("AUD-01")
def test_whatever_the_log_speaks_of_is_named_with_its_page_to_whoever_may_see_it(
    app: Any, session: Any, world: Any, sign_in: Any
) -> None:
    assert set(audit_words.ENTITY) == set(audit_names.NAMED) | NAMELESS
    foreign_rows(world, session)
    keys = [(entity, KEY) for entity in audit_names.NAMED]
    with app.test_request_context():
        found = audit_names.named(session, world.actor("platform_admin"), keys)
        assert audit_names.named(session, world.actor("region_admin"), keys) == {}, "another district's rows"
    with_rows = {entity for entity, _key in found}
    assert set(audit_names.NAMED) - with_rows == PERSONAL | {"open_release", "policy", "region"}
    assert all(one.text for one in found.values())
    browser = sign_in(world.accounts["platform_admin"])
    # What lacks facts that only a real one has cannot be shown; that its page is found is enough.
    answers = {entity: browser.get(one.href).status_code for (entity, _key), one in found.items() if one.href}
    answers.pop("spot_check")
    assert len(answers) > 30 and set(answers.values()) <= {200, 302}, answers


@pytest.mark.feature("AUD-01")
def test_a_page_of_the_log_asks_a_statement_a_kind_not_a_row(
    app: Any, session: Any, world: Any, sign_in: Any
) -> None:
    actor = world.actor("platform_admin")
    elevators = [make_elevator(session, use_unit=world.use_unit, maintenance_unit=world.firm) for _ in range(12)]
    session.commit()
    browser = sign_in(world.accounts["platform_admin"])

    def asked_for(rows: list[Any]) -> int:
        with transaction(session):
            for row in rows:
                audit.record(
                    session, actor, clock.now(), "tried.save", "elevator", row.id,
                    after={"use_unit_id": row.use_unit_id, "region": row.region_code},
                )  # fmt: skip
        with statements() as asked:
            page = browser.get("/audit/?action=tried.save").text
        assert all(f'href="/elevators/{row.id}">{row.code} ' in page for row in rows)
        assert world.use_unit.name in page and "980402" not in page.split("<table")[1]
        return len(asked)

    assert asked_for(elevators[:1]) == asked_for(elevators[1:])


@pytest.mark.feature("AUD-01", "LIF-07")
@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("worker_change", ["worker_id", "co_worker_id"], "维保人员、协同维保人员"),
        ("registration_change", ["address", "certificate_no", "cause"], "地址、使用登记证编号、变更原因"),
        ("grade_certificate", ["certificate_no", "valid_until"], "证书编号、有效期至"),
        ("commitment", ["valid_until"], "承诺截止"), ("inspection_report", ["next_on"], "下次日期"),
        ("contract_change", ["signed_on", "starts_on"], "签订日期、起始日期"),
        ("declaration", ["signed_on"], "签署日期"),
        ("unit_change", ["contract_id", "new_unit_id", "signed_on"], "新合同、新维保单位、签订日期"),
        ("maintenance_pause", ["until_on"], "恢复日期"),
        ("on_demand", ["interval_days", "until_on"], "维保间隔、截止日期"),
        ("gone", ["phone", "nothing"], "手机时钟和定位精度、nothing"), (None, ["reason"], "原因"),
    ],
)  # fmt: skip
def test_what_was_put_right_is_called_as_its_form_calls_it(
    app: Any, kind: str | None, fields: list[str], said: str
) -> None:
    entry = AuditEntry(entity="application", action="application.edit", after={"kind": kind, "fields": fields})
    with app.test_request_context():
        assert [new for field, _old, new in audit_values.Values().changes(entry) if field == "项目"] == [said]


def test_every_kind_whose_content_can_be_put_right_has_words_for_it(app: Any) -> None:
    """Where a workflow declares nothing, there is a table or a word of its own."""
    told = {kind for kind in HANDLERS if handlers(kind).mends} | set(audit_words._FILED_IN)
    told |= {kind for kind, _name in audit_words._FILED}
    # These file a day, a reason and files, or are filed anew as a whole.
    bare = {"use_registration", "suspension", "reactivation", "scrapping", "maintenance_resume", "appeal"}
    assert set(HANDLERS) - told == bare | {"unit_filing", "elevator_filing", "person_filing"}


@pytest.mark.feature("AUD-01")
def test_values_read_as_words_and_never_as_the_code_that_keeps_them(app: Any) -> None:
    values = audit_values.Values(
        {("person", 3): Object("王秋实"), ("visit", 17): Object("200010 2026-11-02")}, {"980402000000": "临河区"}
    )
    entry = AuditEntry(
        entity="bulletin", before={"texts": {"opening": "旧"}}, after={"texts": {"opening": "新", "closing": ""}}
    )
    with app.test_request_context():
        (field, old, new), *none = values.changes(entry)
        opening = str(parts_of_texts()["opening"])
        assert (field, old, new, none) == ("文字", f"{opening}：旧", f"{opening}：新", [])
        for entity, name, value, said in (
            ("maintenance_team", "members", [3, 4], "王秋实、4"), ("score_run", "region", "980402000000", "临河区"),
            ("enforcement", "evidence", ["visit-17", "overdue_period-2"], "维保记录 200010 2026-11-02、超期记录 2"),
            ("person", "fields", ["phone", "name"], "手机、姓名"), ("account", "rights", ["elevator.read"], "查看电梯"),
            ("import_batch", "columns", {"电梯编号": "code", "无": ""}, "电梯编号：识别码"),
            ("calendar", "limits_moved", {}, ""), ("visit", "phone", {"accuracy": 12}, "定位精度（米）：12"),
            ("visit", "photos", 3, 3),
        ):  # fmt: skip
            assert values.word(entity, name, value) == said, (entity, name)
        kept = AuditEntry(
            entity="policy", before={"key": "limit_days", "value": 15}, after={"key": "limit_days", "value": INHERIT}
        )
        assert [old and f"{old}→{new}" for _name, old, new in values.changes(kept)] == ["15 天→随上级地区"]

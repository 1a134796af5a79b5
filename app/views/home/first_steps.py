"""What a fresh unit needs until its first check-in, and a fresh region until its first unit, on the home page."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select, true

from app.extensions import db
from app.models import Account, ContractElevator, Elevator, MaintenanceLedger, Person, PolicyValue, Region, Unit
from app.models.elevator import answers_for
from app.models.region import in_region
from app.permissions import Actor, Verb
from app.policy import chain
from app.views.home.links import link


def first_steps(actor: Actor) -> list[tuple[str, str, bool]]:
    """All that a fresh unit needs until the first check-in, with what is done; empty when all is."""
    if actor.unit_id is None:
        return _of_a_region(actor)
    if not actor.may(Verb.UNIT_EDIT):
        return []
    unit = db.session.get(Unit, actor.unit_id)
    if unit is None:
        return []
    own = actor.unit_id
    done: dict[str, Any] = {
        "elevators": select(Elevator.id).where(
            Elevator.filing_state.in_(("pending", "approved")), answers_for(own),
        ),
        "running": select(Elevator.id).where(
            Elevator.approved_version > 0, Elevator.status != "notified", answers_for(own),
        ),
        "subs": select(Account.id).where(Account.unit_id == own, Account.is_main.is_(False)),
        "rescuers": select(Account.id).where(
            Account.unit_id == own, Account.active.is_(True), Account.rescue_role.is_not(None),
            Account.phone.is_not(None),
        ),
    }  # fmt: skip
    if unit.is_maintenance:
        done |= {
            "use_units": select(Unit.id).where(
                Unit.is_use, or_(Unit.filed_by_unit_id == own, Unit.id.in_(_customers(own))),
                Unit.filing_state.in_(("pending", "approved")),
            ),
            "people": select(Person.id).where(
                Person.unit_id == own, Person.left_on.is_(None), Person.certificate_until.is_not(None)
            ),
            "contract": select(ContractElevator.id).where(
                ContractElevator.unit_id == own, ContractElevator.removed_at.is_(None)
            ),
            "ledger": select(MaintenanceLedger.id).where(
                MaintenanceLedger.unit_id == own, MaintenanceLedger.worker_id.is_not(None),
                MaintenanceLedger.next_half_month_on.is_not(None),
            ),
        }  # fmt: skip
    # What exists is no secret of anybody's here: each condition names the own unit.
    found = db.session.execute(
        select(*(one.exists().label(name) for name, one in done.items())).execution_options(skip_scope=True)
    ).one()
    has = dict(zip(done, found, strict=True))
    own_filing = _("完善单位备案并上报")
    if unit.filing_state == "rejected":
        own_filing = _("单位备案没有通过：按审核意见修改后重新上报")
    steps = [(own_filing, "/units/mine", unit.filing_state in ("pending", "approved"))]
    if unit.is_maintenance:
        steps += [
            (_("登记使用单位并上报"), "/units/new", has["use_units"]),
            (_("登记人员和作业人员证"), "/people/", has["people"]),
        ]
    steps += [
        (_("登记电梯并上报"), "/elevators/?tab=draft", has["elevators"]),
        (_("办理使用登记：“告知”的电梯转为“在用”后才排维保"), "/elevators/?tab=notified", has["running"]),
    ]
    if unit.is_maintenance:
        steps += [
            (_("录入维保合同并绑定电梯"), "/contracts/", has["contract"]),
            (_("填写设备履历：维保人员和下次年度维保日期"), "/ledgers/?tab=idle", has["ledger"]),
        ]
    others = _("为安全管理员建立子用户") if actor.may(Verb.ELEVATOR_EDIT) else _("为本单位人员建立子用户")
    steps.append((_("为维保员建立子用户") if unit.is_maintenance else others, "/sub-accounts/", has["subs"]))
    if unit.is_maintenance or unit.is_rescue:
        steps.append((_("指定应急救援人员：困人派单的短信发给谁"), "/sub-accounts/", has["rescuers"]))
    if not actor.may(Verb.ELEVATOR_EDIT):  # registered by itself and not approved yet, or of another kind
        kept = {"/units/mine"}
        if actor.may(Verb.SUBACCOUNT_EDIT) and (unit.is_inspection or unit.is_rescue):
            kept.add("/sub-accounts/")
        steps = [step for step in steps if step[1] in kept]
    if not actor.may(Verb.SUBACCOUNT_EDIT):
        # Accounts are the main account's to make: nobody else is sent to a page that he may not open.
        steps = [step for step in steps if step[1] != "/sub-accounts/"]
    if all(ready for _word, _link, ready in steps) and unit.approved_version:
        return []
    return [(word, link(path), bool(ready)) for word, path, ready in steps]


def _of_a_region(actor: Actor) -> list[tuple[str, str, bool]]:
    """What its administrator does first; nothing any more once a unit of the region is approved."""
    if not (actor.may(Verb.ACCOUNT_CREATE) and actor.may(Verb.REGION_EDIT)):
        return []
    code = actor.region_code
    ruled = PolicyValue.region_code.in_(chain(code)) if code else true()
    done = {
        "below": select(Region.id).where(in_region(Region.code, code), Region.code != (code or "")),
        "policy": select(PolicyValue.id).where(ruled),
        "officers": select(Account.id).where(
            in_region(Account.region_code, code), Account.unit_id.is_(None), Account.id != actor.user_id
        ),
        "accounts": select(Account.id).where(in_region(Account.region_code, code), Account.is_main.is_(True)),
        "begun": select(Unit.id).where(in_region(Unit.region_code, code), Unit.approved_version > 0),
    }  # fmt: skip
    has = db.session.execute(
        select(*(one.exists().label(name) for name, one in done.items())).execution_options(skip_scope=True)
    ).one()._mapping
    if has["begun"]:
        return []
    steps = [
        (_("建立下级地区，到街道为止"), "/regions/", has["below"]),
        (_("核对政策参数，选择预设"), "/policy/", has["policy"]),
        (_("为监察员和应急坐席建立账号"), "/accounts/new-regulator", has["officers"]),
        (_("为维保、使用、检验等单位建立主账号"), "/accounts/new-unit", has["accounts"]),
        (_("审批单位报来的备案"), "/applications/queue", False),
    ]
    return [(word, link(path), bool(ready)) for word, path, ready in steps]


def _customers(unit_id: int) -> Any:
    served = select(Elevator.use_unit_id).where(Elevator.maintenance_unit_id == unit_id)
    return served.where(Elevator.use_unit_id.is_not(None))

"""入职邀请 on the desk (PER-01): who was asked, how far it is, links shown once as QR pictures, the decisions."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.listings.invitations import INVITATIONS
from app.models import Invitation, InvitationPoster, Unit
from app.models.choices import INVITATION_STATE, PERSON_KIND, SEX
from app.permissions import Verb
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.rules.invitations import CLOSED, VERB_LABELS, InvitationVerb
from app.transaction import transaction
from app.views.frame import addresses, screens
from app.views.frame.account_forms import Findings, number, run, show_once, text
from app.views.frame.base import Button, Deed, Screen, SQLAInterface, pill
from app.views.frame.told import told as in_words
from app.workflows.approval.submissions import name_of
from app.workflows.core import moves
from app.workflows.people import invitations, joining, taking_on
from app.workflows.people.invitations import POSTER_HOURS, POSTER_MOST, Invited
from app.workflows.privacy import revealing

TONES = {
    "invited": "info", "draft": "near", "review": "near", "ended": "ok", "rejected": "over", "cancelled": "gone"
}  # fmt: skip


def address_of(token: str) -> str:
    """Where the invitee's link leads."""
    return addresses.full("field.join", token=token)


def picture_of(address: str) -> str:
    """The QR picture of a link, as SVG."""
    import segno  # loaded with the first code

    code = segno.make(address, error="m", micro=False)
    return str(code.svg_inline(scale=5, border=2, svgclass=None, lineclass=None, omitsize=True))


def with_link_sent(session: Any, invited: Invited) -> Invited:
    """Send the link where there is one and a gateway."""
    if invited.token is not None:
        invitations.send_link(session, invited, address_of(invited.token), clock.now())
    return invited


def state_words(row: Invitation) -> str:
    """The state; 邀请中 says whom it waits for."""
    if row.state == "invited":
        return _("邀请中，待主管审批") if row.approved_at is None else _("邀请中，待本人同意")
    return str(INVITATION_STATE[row.state])


class Invitations(Screen):
    """The list."""

    datamodel = SQLAInterface(Invitation)
    route_base = "/invitations"
    listing = INVITATIONS
    verb = Verb.PERSON_READ
    record = "InvitationPages.show"
    cells: ClassVar[dict[str, Any]] = {"state": lambda row: pill(state_words(row), TONES.get(row.state, "gone"))}
    buttons: ClassVar[list[Button]] = [
        Button(_l("入职邀请"), "InvitationPages.new", Verb.PERSON_EDIT, main=True),
        Button(
            _l("批量入职"), "Imports.index", Verb.PERSON_EDIT, icon="upload", values=(("kind", "invitations"),)
        ),
        Button(_l("邀请二维码"), "InvitationPages.posters", Verb.PERSON_EDIT, icon="scan"),
        Button(_l("邀请首名文员"), "InvitationPages.first", Verb.ACCOUNT_CREATE),
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed(
            "approve", _l("同意邀请"), Verb.INVITATION_APPROVE,
            lambda session, actor, key, at: with_link_sent(
                session, invitations.approve(session, actor, key, at)
            ).invitation.name,
        ),
        Deed(
            "cancel", _l("取消邀请"), Verb.PERSON_EDIT,
            lambda session, actor, key, at: invitations.cancel(session, actor, key, at).name,
            ask=_l("取消后，已填写的资料和照片一并删除。取消所选邀请？"),
        ),
    ]  # fmt: skip
    empty_text = _l("没有入职邀请。一人一企：先在原单位离职，才能邀请到本单位。")


class InvitationPages(BaseView):
    """An invitation's pages."""

    route_base = "/invitations"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def new(self) -> Any:
        if g.actor.unit_id is None:
            abort(403)
        return self._form(invitations.units_to_invite_for(db.session, g.actor), _("发出入职邀请"))

    @expose("/first", methods=["GET", "POST"])
    @has_access
    @permission_name("first")
    @no_cache
    def first(self) -> Any:
        """信息报备: the district invites the first clerk of a maintenance unit, who then invites the others."""
        if g.actor.unit_id is not None:
            abort(403)
        statement = scope.apply(select(Unit), g.actor).where(Unit.is_maintenance, Unit.approved_version > 0)
        units = list(db.session.scalars(statement.order_by(Unit.name).limit(500)))
        return self._form(units, _("邀请首名文员"))

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        return self._record(scope.visible(db.session, g.actor, Invitation, pk, _("入职邀请")), [], 200)

    @expose("/<int:pk>/approve", methods=["POST"])
    @has_access
    @permission_name("decide")
    @no_cache
    def approve(self, pk: int) -> Any:
        return self._linked(pk, lambda s: with_link_sent(s, invitations.approve(s, g.actor, pk, clock.now())))

    @expose("/<int:pk>/link", methods=["POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def link(self, pk: int) -> Any:
        """A new link as a QR picture; the old one ends."""
        return self._linked(pk, lambda s: invitations.new_link(s, g.actor, pk, clock.now()))

    @expose("/<int:pk>/cancel", methods=["POST"])
    @has_access
    @permission_name("read")
    def cancel(self, pk: int) -> Any:
        return self._done(pk, lambda s: invitations.cancel(s, g.actor, pk, clock.now()), _("邀请已取消"))

    @expose("/<int:pk>/reject", methods=["POST"])
    @has_access
    @permission_name("decide")
    def reject(self, pk: int) -> Any:
        seen = number(text("seen_version")) or 0
        said = _("已驳回，由本人重新填写")
        return self._done(pk, lambda s: invitations.reject(s, g.actor, pk, text("opinion"), seen, clock.now()), said)

    @expose("/<int:pk>/end", methods=["POST"])
    @has_access
    @permission_name("decide")
    def end(self, pk: int) -> Any:
        seen, account = number(text("seen_version")) or 0, text("with_account") == "1"
        return self._done(
            pk, lambda s: taking_on.end(s, g.actor, pk, seen, account, clock.now()), _("审核通过，人员已入职")
        )

    # --- QR pictures

    @expose("/posters", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def posters(self) -> Any:
        if g.actor.unit_id is None:
            abort(403)
        findings: Findings = []
        status = 200
        now = clock.now()
        if request.method == "POST":
            made, findings, status = run(
                lambda s: invitations.make_poster(
                    s, g.actor, unit_id=number(text("unit_id")), kind=text("kind", 20),
                    with_account=text("with_account") == "1", hours=number(text("hours")) or 0,
                    most=number(text("most")) or 0, at=now,
                )
            )  # fmt: skip
            if made is not None:
                row, token = made
                return self._picture(addresses.full("field.join_poster", token=token), row.unit.name, row)
        live = scope.apply(select(InvitationPoster), g.actor).where(InvitationPoster.expires_at > now)
        units = invitations.units_to_invite_for(db.session, g.actor)
        page = self.render_template(
            "ta/people/posters.html", title=_("邀请二维码"), findings=findings, form=request.form,
            units=[(u.id, u.name) for u in units], kinds=self._kinds(units), hours=POSTER_HOURS, most=POSTER_MOST,
            rows=db.session.scalars(live.order_by(InvitationPoster.id.desc()).limit(50)).all(), words=PERSON_KIND,
        )  # fmt: skip
        return page, status

    @expose("/posters/<int:pk>/close", methods=["POST"])
    @has_access
    @permission_name("write")
    def close_poster(self, pk: int) -> Any:
        _row, findings, _status = run(lambda s: invitations.close_poster(s, g.actor, pk, clock.now()))
        flash(in_words(str(findings[0])) if findings else _("邀请码已停用"), "warning" if findings else "success")
        return redirect(url_for("InvitationPages.posters"))

    # --- parts

    def _form(self, units: list[Unit], title: str) -> Any:
        findings: Findings = []
        status = 200
        if request.method == "POST":
            invited, findings, status = run(
                lambda s: with_link_sent(s, invitations.invite(
                    s, g.actor, name=text("name"), phone=text("phone"), kind=text("kind", 20),
                    unit_id=number(text("unit_id")), with_account=text("with_account") == "1", at=clock.now(),
                ))
            )  # fmt: skip
            if invited is not None:
                return self._after(invited)
        page = self.render_template(
            "ta/people/invite.html", title=title, findings=findings, form=request.form,
            units=[(u.id, u.name) for u in units], kinds=self._kinds(units),
        )  # fmt: skip
        return page, status

    @staticmethod
    def _kinds(units: list[Unit]) -> list[tuple[str, Any]]:
        """The kinds that any of the units has; which one has which is checked when it is sent."""
        names = {kind for unit in units for kind in invitations.kinds_of(unit, g.actor)}
        return [(kind, words) for kind, words in PERSON_KIND.items() if kind in names]

    def _after(self, invited: Invited) -> Any:
        row = invited.invitation
        if invited.token is None:
            flash(_("已提交，主管审批后 %(name)s 会收到邀请", name=row.name), "success")
            return redirect(url_for("InvitationPages.show", pk=row.id))
        return self._picture(address_of(invited.token), row.name, row)

    def _linked(self, pk: int, deed: Any) -> Any:
        invited, findings, status = run(deed)
        if invited is None:
            row = scope.visible(db.session, g.actor, Invitation, pk, _("入职邀请"))
            return self._record(row, findings, status)
        if invited.token is None:
            flash(_("已同意，本人再次扫码后继续填写"), "success")
            return redirect(url_for("InvitationPages.show", pk=pk))
        return self._picture(address_of(invited.token), invited.invitation.name, invited.invitation)

    def _done(self, pk: int, deed: Any, said: str) -> Any:
        _result, findings, status = run(deed)
        if findings:
            row = scope.visible(db.session, g.actor, Invitation, pk, _("入职邀请"))
            return self._record(row, findings, status)
        flash(said, "success")
        return redirect(url_for("InvitationPages.show", pk=pk))

    def _picture(self, address: str, name: str, row: Invitation | InvitationPoster) -> Any:
        """The link and its picture, once: the page can't be fetched again."""
        picture = Markup(picture_of(address))
        several = isinstance(row, InvitationPoster)
        back = url_for("InvitationPages.posters") if several else url_for("InvitationPages.show", pk=row.id)
        page = self.render_template(
            "ta/people/link.html", title=_("邀请二维码") if several else _("入职邀请链接"), address=address, name=name,
            picture=picture, until=row.expires_at, several=several, back=back, row=row, words=PERSON_KIND,
        )  # fmt: skip
        return show_once(page)

    def _record(self, row: Invitation, findings: Any, status: int) -> Any:
        may_decide = invitations.may_decide(db.session, g.actor, row)
        checks = []
        if row.state == "review" and may_decide:
            with transaction(db.session) as session:
                checks = taking_on.findings(session, g.actor, row, row.with_account, clock.now())
        verb = Verb.PERSON_EDIT if g.actor.unit_id is not None else Verb.ACCOUNT_CREATE
        changes = moves.steps_of(db.session, Invitation.__tablename__, row.id)
        page = self.render_template(
            "ta/people/invitation.html", title=row.name, row=row, findings=findings, state=state_words(row),
            tone=TONES[row.state], kinds=PERSON_KIND, sexes=SEX, phone=mask_mobile(row.phone),
            resident_id=mask_resident_id(row.resident_id) if row.resident_id else "—",
            shown=revealing.kinds_of(db.session, row) if may_decide or g.actor.may(Verb.SENSITIVE_READ) else {},
            pictures=joining.pictures_of(db.session, row), picture_words=joining.PICTURES, may_decide=may_decide,
            may_invite=g.actor.may(verb) and row.state not in {s.value for s in CLOSED}, checks=checks,
            steps=[(VERB_LABELS[InvitationVerb(c.verb)], c, name_of(db.session, c.actor_id)) for c in changes],
            by=name_of(db.session, row.created_by_id) if row.created_by_id else _("本人扫码"),
            approver=name_of(db.session, row.approved_by_id) if row.approved_by_id else "",
            gives=taking_on.gives(g.actor, row.unit_id, row.kind),
        )  # fmt: skip
        return page, status


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("InvitationPages", "can_read", Verb.PERSON_READ)
    screens.declare("InvitationPages", "can_write", Verb.PERSON_EDIT)
    screens.declare("InvitationPages", "can_first", Verb.ACCOUNT_CREATE)
    screens.declare("InvitationPages", "can_decide", Verb.INVITATION_APPROVE)
    appbuilder.add_view_no_menu(Invitations)
    appbuilder.add_view_no_menu(InvitationPages)

"""`/api/v1/me/…`: one's own profile, and of a worker his own data and certificates (ACC-06, PER-06, PER-07).

What signing in stands on (password, phone, second factor) is changed on the page, where it asks for the password.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import current_app, jsonify, request
from sqlalchemy import select

from app import clock, scope
from app.api.applications import full as application_full
from app.api.base import Resource, actor, answers, body, in_person
from app.api.people import certificate, full
from app.api.people_deeds import hand_in
from app.api.reading import day, keys, words
from app.errors import Finding, NotFound, refuse
from app.extensions import db
from app.models import GradeCertificate, Person
from app.permissions import Verb, require
from app.rules.identifiers import mask_mail, mask_mobile
from app.transaction import transaction
from app.views.access.proving import confirm_oneself
from app.views.frame import screens
from app.views.frame.account_forms import me
from app.workflows.access import second_factor
from app.workflows.papers import grades
from app.workflows.people import consents, people, real_names
from app.workflows.privacy import own_data

MOST_SCANS = 5
# Where a call gives the own password; its code beside it.
OWN = "own_password"


class ProfileApi(Resource):
    """个人信息 of whoever asks."""

    resource_name = "me"
    openapi_spec_tag = "Me"

    @answers("/profile", "GET")
    def profile(self) -> Any:
        """Give what the page shows of one's own account.
        ---
        get:
          summary: 个人信息：性别、手机、邮箱（遮蔽）、头像、二次验证
          gives: {200: Profile}
        """
        return jsonify(_profile())

    @answers("/profile", "PATCH")
    def change(self) -> Any:
        """Change one's sex; name, roles and place are the giver's.
        ---
        patch:
          summary: 修改性别；空文字为不填（个人令牌不能办）
          takes: ProfileChange
          gives: {200: Profile}
        """
        in_person()
        sent = body()
        if "sex" not in sent:
            raise refuse("参数", "缺少 sex", "请给出 sex；其他内容在网页上或由主账号修改", field="sex")
        with transaction(db.session) as session:
            own_data.set_sex(session, actor(), words(sent, "sex", 10), clock.now())
        return jsonify(_profile())

    @answers("/avatar", "PUT")
    def set_avatar(self) -> Any:
        """Keep a picture: its middle square, made small.
        ---
        put:
          summary: 上传头像（PNG 或 JPG；个人令牌不能办）
          takes: file
          gives: {200: Profile}
        """
        in_person()
        file = request.files.get("file")
        if file is None or not file.filename:
            raise refuse("头像", "没有选择图片", "请用 multipart/form-data 的 file 字段上传", field="file")
        with transaction(db.session) as session:
            own_data.set_avatar(session, actor(), file.stream, clock.now())  # type: ignore[arg-type]
        return jsonify(_profile())

    @answers("/avatar", "DELETE")
    def drop_avatar(self) -> Any:
        """Take one's picture away; none there is no error.
        ---
        delete:
          summary: 移除头像（个人令牌不能办）
          gives: {200: Profile}
        """
        in_person()
        with transaction(db.session) as session:
            own_data.remove_avatar(session, actor(), clock.now())
        return jsonify(_profile())

    @answers("/mail/code", "POST")
    def mail_code(self) -> Any:
        """Send a code to the address that is to be verified: one's own doing, no token's, and by the own password.
        ---
        post:
          summary: 向要验证的邮箱发送验证码；须给出本人的密码（个人令牌不能办）
          takes: Mail
          gives: {200: CodeSent}
        """
        in_person()
        sent, asked_by = body(), secrets.token_urlsafe(32)
        mail = words(sent, "mail", 80)
        # As on the page: who found a browser open has its session, and not the password.
        confirm_oneself(me(), OWN, {name: words(sent, name, 200) for name in (OWN, f"{OWN}_code")})
        with transaction(db.session) as session:
            sent_to = own_data.ask_mail(session, actor(), mail, clock.now(), request.remote_addr, asked_by)
        return jsonify(sent_to=sent_to, request=asked_by)

    @answers("/mail", "PUT")
    def mail(self) -> Any:
        """Keep the address that the code went to; it is good with the `request` of the answer that sent it.
        ---
        put:
          summary: 用验证码确认邮箱（个人令牌不能办）
          takes: MailCode
          gives: {200: Profile}
        """
        in_person()
        sent = body()
        mail, code, asked_by = words(sent, "mail", 80), words(sent, "code", 20), words(sent, "request", 43)
        with transaction(db.session) as session:
            refusal = own_data.verify_mail(session, actor(), mail, code, clock.now(), asked_by)
        if refusal is not None:  # after the commit: a wrong code was counted
            raise refusal
        return jsonify(_profile())


class OwnPersonApi(Resource):
    """我的资料: the person behind the account."""

    resource_name = "me"
    openapi_spec_tag = "Me"

    @answers("/person", "GET")
    def person(self) -> Any:
        """Give one's own filing, certificates, this month's quota and what keeps one from checking in.
        ---
        get:
          summary: 本人的人员资料、等级、本月台次
          gives: {200: OwnPerson}
        """
        row = _person()
        face = consents.face_of(db.session, row.id) is not None
        return jsonify(full(row) | {"face": face, "may_ask": actor().may(Verb.OWN_CERTIFICATE) and row.left_on is None})

    @answers("/certificates", "GET")
    def certificates(self) -> Any:
        """Give one's own grade certificates with their states, the newest first.
        ---
        get:
          summary: 本人的等级证书及审核状态
          gives: {200: Certificates}
        """
        held = select(GradeCertificate).where(GradeCertificate.person_id == _person().id)
        rows = scope.apply(held, actor()).order_by(GradeCertificate.id.desc())
        return jsonify(rows=[certificate(one) for one in db.session.scalars(rows)])

    @answers("/certificates", "POST", once=True)
    def ask(self) -> Any:
        """更新级别: certificate and scans together; the quota rises when the regulator approves.
        ---
        post:
          summary: 申报本人的等级证书；扫描件先用 POST /files?kind=grade 上传
          takes: NewCertificate
          gives: {201: Certificate}
        """
        require(actor(), Verb.OWN_CERTIFICATE)
        sent, now, key = body(), clock.now(), _person().id
        with transaction(db.session) as session:
            row = people.add_certificate(
                session, actor(), key, grade=words(sent, "grade", 20), certificate_no=words(sent, "certificate_no", 60),
                issued_on=day(sent, "issued_on"), valid_until=day(sent, "valid_until"), at=now,
            )  # fmt: skip
            grades.submit(session, actor(), row, keys(sent, "attachments", MOST_SCANS), now)
        return jsonify(certificate(row)), 201

    @answers("/declarations", "POST", once=True)
    def declare(self) -> Any:
        """Hand in one's own signed declaration with its scans; it counts when the regulator approves it.
        ---
        post:
          summary: 提交本人的自我声明承诺书；扫描件先用 POST /files?kind=declaration 上传
          takes: NewDeclaration
          gives: {201: ApplicationWhole}
        """
        require(actor(), Verb.OWN_CERTIFICATE)
        return jsonify(application_full(hand_in(_person().id))), 201

    @answers("/real-name", "POST", once=True)
    def real_name(self) -> Any:
        """Ask the real-name service about oneself; the answer comes later.
        ---
        post:
          summary: 提交本人的实名核验；本平台没有接入核验服务时拒绝（个人令牌不能办）
          gives: {200: PersonWhole}
        """
        in_person()
        key, now = _person().id, clock.now()
        with transaction(db.session) as session:
            row = real_names.ask(session, actor(), key, now)
        return jsonify(full(row))


def _profile() -> dict[str, Any]:
    account = me()
    avatar = own_data.avatar_of(db.session, account.id)
    return {
        "id": account.id, "login_name": account.username, "name": account.get_full_name(), "sex": account.sex,
        "phone": mask_mobile(account.phone) if account.phone else None,
        "mail": mask_mail(account.email) if account.email_verified_at else None,
        "avatar": f"/api/v1/files/{avatar.id}" if avatar is not None else None,
        "second_factor": second_factor.factor_of(account),
        "second_factor_owed": second_factor.is_owed(account, current_app.config["SECOND_FACTOR_FOR"]),
        "last_login": f"{account.last_login:%Y-%m-%d %H:%M}" if account.last_login else None,
    }  # fmt: skip


def _person() -> Person:
    """The person of this account, whatever it may read of others."""
    if actor().person_id is None:
        raise NotFound(Finding("人员", False, "这个账号没有对应的人员", "请由单位主账号为账号指定人员"))
    row: Person = scope.visible(db.session, actor(), Person, actor().person_id, "人员")
    return row


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for name in ("profile", "change", "set_avatar", "drop_avatar", "mail_code", "mail"):
        screens.declare("ProfileApi", f"can_{name}", Verb.HOME)
    for name in ("person", "certificates", "real_name"):
        screens.declare("OwnPersonApi", f"can_{name}", Verb.HOME)
    for name in ("ask", "declare"):
        screens.declare("OwnPersonApi", f"can_{name}", Verb.OWN_CERTIFICATE)
    appbuilder.add_api(ProfileApi)
    appbuilder.add_api(OwnPersonApi)

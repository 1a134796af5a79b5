"""The sign-in page and the token API: two doors to one counted, audited `sign_in`."""

from __future__ import annotations

import secrets
from typing import Any

from flask import current_app, flash, g, jsonify, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.api import BaseApi, safe
from flask_appbuilder.security.decorators import no_cache
from flask_appbuilder.security.views import AuthDBView
from flask_babel import gettext as _
from flask_jwt_extended import create_access_token, create_refresh_token, current_user, jwt_required

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.transaction import transaction
from app.views.access import captcha, external, second_step
from app.views.access.browser import ENDED, begin_session, browser_tokens, end_session, forget_denials
from app.views.access.proving import confirm_second_factor, sign_in
from app.views.frame.addresses import safe_next
from app.wording import say
from app.workflows.access import codes, second_factor, signin


class SignIn(AuthDBView):
    """用户名或手机加密码."""

    login_template = "ta/login.html"

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    def login(self) -> Any:
        if g.user.is_authenticated:
            return redirect(safe_next())
        findings, status = [], 200
        forget_denials()
        ended = session.pop("ended", None)
        name = request.form.get("username", "")[:200]
        if request.method == "POST" and not captcha.words_wanted():
            try:
                asked = self._asks(name)
                if asked and (wrong := captcha.answered()):
                    raise wrong
                account = sign_in(name, request.form.get("password", ""), asked=asked)
            except Refusal as refusal:
                findings, status = refusal.findings, 401
            else:
                target = safe_next()
                if second_factor.factor_of(account):
                    return second_step.begin(account, target)
                begin_session(account)
                return redirect(target)
        needed = bool(name) and self._asks(name)
        page = self.render_template(
            self.login_template,
            title=_("登录"),
            findings=findings,
            ended=ENDED.get(ended or ""),
            username=name,
            next=request.args.get("next", ""),
            asked=captcha.new_question() if needed else None,
            may_register=current_app.config["SELF_REGISTRATION"],
            may_recover=codes.available(),
            identities=external.labels(),
        )
        return page, status

    @staticmethod
    def _asks(name: str) -> bool:
        return signin.captcha_needed(db.session, name, clock.now(), request.remote_addr, browser_tokens())

    @expose("/logout/", methods=["GET", "POST"])
    def logout(self) -> Any:
        """Sign out. A GET does too: ending one's own session is all that a forged link could do."""
        end_session()
        flash(_("已退出登录"), "info")
        return redirect(url_for("SignIn.login"))


class SecurityApi(BaseApi):
    """Tokens for phones and other systems; the same count, lock and first-password rule as the page."""

    resource_name = "security"
    openapi_spec_tag = "Security"

    def add_apispec_components(self, api_spec: Any) -> None:
        super().add_apispec_components(api_spec)
        api_spec.components.security_scheme("jwt", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
        api_spec.components.security_scheme("jwt_refresh", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})

    @expose("/login", methods=["POST"])
    @safe
    def login(self) -> Any:
        """Give tokens for a login name (or bound phone) and password.
        ---
        post:
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  required: [username, password]
                  properties:
                    username: {type: string}
                    password: {type: string}
                    refresh: {type: boolean}
                    code: {type: string, description: "Second factor, where the account has one"}
                    request: {type: string, description: "With a code by SMS: the request of the answer that sent it"}
          responses:
            200:
              description: Tokens
              content:
                application/json:
                  schema:
                    type: object
                    properties:
                      access_token: {type: string}
                      refresh_token: {type: string}
            400: {description: Not the JSON that is asked for}
            401:
              description: >-
                Wrong name or password, or locked, or a second factor is owed. An account with codes by SMS is sent one;
                the answer's `request` goes back with it.
            403: {description: The first password must be changed on the web page first}
        """

        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not all(isinstance(body.get(k), str) for k in ("username", "password")):
            return _errors(400, "请求内容", "应为 JSON，含文本 username 和 password", "请按接口说明提交")
        try:
            account = sign_in(body["username"], body["password"], "api")
        except Refusal as refusal:
            return _told(refusal, 401)
        if factor := second_factor.factor_of(account):
            code, asked_by = body.get("code"), body.get("request")
            if factor == "sms" and not (isinstance(code, str) and isinstance(asked_by, str)):
                return _send_code(account)
            if not isinstance(code, str):
                return _errors(401, "二次验证", "本账号还须提供动态口令", "请在 code 中给出后重新提交")
            wrong = confirm_second_factor(account, code[:20], asked_by[:43] if isinstance(asked_by, str) else None)
            if wrong is not None:
                return _told(wrong, 401)
        if account.must_change_password:
            return _errors(403, "首次登录", "初始密码须先修改", "请用浏览器登录并修改密码")
        if second_factor.is_owed(account, current_app.config["SECOND_FACTOR_FOR"]):
            return _errors(403, "二次验证", "须先启用", "请用浏览器登录，在“个人信息”里启用")
        claims = {"epoch": account.session_epoch}
        tokens = {"access_token": create_access_token(str(account.id), fresh=True, additional_claims=claims)}
        if body.get("refresh") is True:
            tokens["refresh_token"] = create_refresh_token(str(account.id), additional_claims=claims)
        return jsonify(tokens)

    @expose("/refresh", methods=["POST"])
    @jwt_required(refresh=True)
    @safe
    def refresh(self) -> Any:
        """Give a new access token for a refresh token whose account still stands as it did.
        ---
        post:
          responses:
            200: {description: A new access token}
            401: {description: The token counts no more}
          security:
            - jwt_refresh: []
        """
        claims = {"epoch": current_user.session_epoch}
        return jsonify(access_token=create_access_token(str(current_user.id), fresh=False, additional_claims=claims))


def _send_code(account: Any) -> Any:
    """Send a code by SMS for this call; it is good together with the number of the answer, and nowhere else."""
    asked_by = secrets.token_urlsafe(32)
    try:
        with transaction(db.session) as own:
            phone = codes.send(
                own, account, "login", account.phone or "", clock.now(), request.remote_addr, request=asked_by
            )  # fmt: skip
    except Refusal as refusal:
        return jsonify(errors=[f.as_dict() for f in refusal.findings], message=str(refusal)), 401
    remedy = "请在 code 中给出收到的验证码，并在 request 中交回本回答的 request"
    answer, status = _errors(401, "二次验证", say("短信验证码已发往 %(phone)s", phone=phone), remedy)
    return jsonify(**answer.get_json(), request=asked_by), status


def _errors(status: int, rule: str, found: str, remedy: str) -> Any:
    return _told(Refusal(Finding(rule, False, found, remedy)), status)


def _told(refusal: Refusal, status: int) -> Any:
    """As the interface says any refusal (`api.base.refused`)."""
    errors = [f.as_dict() for f in refusal.findings]
    return jsonify(errors=errors, message=str(refusal), request_id=g.get("request_id", "")), status

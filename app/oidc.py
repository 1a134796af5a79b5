"""Signing in by an identity of outside: OpenID Connect, authorization code with PKCE, state and nonce (INT-02).

Beside it plain OAuth 2.0, which gives no identity token: the code becomes an access token, and the provider's page
about its holder names the person. So DingTalk does it, in names of its own.
Only the protocol: what it proves is a provider's subject. Whose account that is, `workflows.access.identities` says.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from app import clock, http_lines
from app.wording import say

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

# The protocol's libraries are loaded with the first sign-in from outside: most installations never have one.
TIMEOUT_SECONDS = 8
MOST_BYTES = 1024 * 1024
# What a provider says of itself is asked again after this; its keys also when a token names one that is not known.
KEPT_SECONDS = 3600
REST_SECONDS = 10
LEEWAY_SECONDS = 60
# Signed with the provider's private key, and nothing that our own secret could have signed; never "none".
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
DISCOVERY = "/.well-known/openid-configuration"


class NotProven(Exception):
    """The provider did not prove anybody, with the reason in words for the log and the page."""


# Kinds of provider: OpenID Connect; OAuth 2.0 as the standard writes it; and as DingTalk does. What a kind says the
# operator may say otherwise.
KINDS: dict[str, dict[str, str]] = {
    "oidc": {},
    "oauth2": {"scope": ""},
    "dingtalk": {
        "scope": "openid", "prompt": "consent", "authorize_url": "https://login.dingtalk.com/oauth2/auth",
        "token_url": "https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
        "user_url": "https://api.dingtalk.com/v1.0/contact/users/me", "id_field": "unionId", "name_field": "nick",
        "code_field": "authCode", "token_body": "json", "token_header": "x-acs-dingtalk-access-token", "pkce": "0",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Provider:
    """One source of identities as the operator describes it; endpoints that he does not give are discovered.

    What follows `keys_url` is of OAuth 2.0 only, where there is no issuer: the page about the token's holder, the
    fields there that hold his number and name (`data.openid` for one within another), and how the provider departs
    from the standard: the name of the code that comes back, JSON in camel case for the token, a header of its own.
    `proxy` is the only way out where there is none other; the environment's are not asked.
    """

    name: str
    label: str
    issuer: str
    client_id: str
    kind: str = "oidc"
    client_secret: str = field(default="", repr=False)
    scope: str = "openid profile"
    authorize_url: str = ""
    token_url: str = ""
    keys_url: str = ""
    user_url: str = ""
    id_field: str = "sub"
    name_field: str = "name"
    code_field: str = "code"
    token_body: str = "form"
    token_header: str = ""
    prompt: str = ""
    pkce: str = "1"
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Flow:
    """What is remembered between leaving for the provider and coming back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider proved: its own number of the person, and a name to show."""

    subject: str
    shown_name: str


@dataclass(slots=True)
class _Known:
    told: dict[str, Any]
    keys: KeySet | None
    at: float


_known: dict[str, _Known] = {}
# Until when a provider that did not answer is left alone, so that its silence holds up one page and not all threads.
_down: dict[str, float] = {}


def forget() -> None:
    """Ask every provider anew (tests)."""
    _known.clear()
    _down.clear()


def providers(described: Iterable[Mapping[str, str]]) -> dict[str, Provider]:
    """The providers of the settings by name; raises ValueError for one that could not be used safely."""
    made: dict[str, Provider] = {}
    for words in described:
        kind = words.get("kind", "oidc")
        if kind not in KINDS:
            raise ValueError(f"OIDC_{words['name'].upper()}_KIND: {kind!r} is none of {', '.join(KINDS)}")
        one = Provider(**(KINDS[kind] | dict(words)))
        if not (one.name.isascii() and one.name.isalnum() and len(one.name) <= 20):
            raise ValueError(f"OIDC_PROVIDERS: {one.name!r} must be up to 20 ASCII letters and digits")
        needed = {
            "ISSUER": one.issuer, "CLIENT_ID": one.client_id,
        } if kind == "oidc" else {
            "CLIENT_ID": one.client_id, "CLIENT_SECRET": one.client_secret, "AUTHORIZE_URL": one.authorize_url,
            "TOKEN_URL": one.token_url, "USER_URL": one.user_url, "ID_FIELD": one.id_field,
        }  # fmt: skip
        if not all(needed.values()):
            missing = ", ".join(f"OIDC_{one.name.upper()}_{key}" for key, value in needed.items() if not value)
            raise ValueError(f"{missing} needed")
        if one.token_body not in ("form", "json") or one.pkce not in ("0", "1"):
            raise ValueError(f"OIDC_{one.name.upper()}: TOKEN_BODY is form or json, PKCE is 0 or 1")
        for url in filter(None, (one.issuer, one.authorize_url, one.token_url, one.keys_url, one.user_url)):
            if not _is_safe(url):
                raise ValueError(f"OIDC_{one.name.upper()}: {url} must be https")
        if one.proxy and not _is_proxy(one.proxy):
            # Without what was given: a password may stand in it.
            raise ValueError(f"OIDC_{one.name.upper()}_PROXY must be http://[user:password@]host:port")
        made[one.name] = one
    return made


def begin(provider: Provider, back: str) -> tuple[str, Flow]:
    """Where to send the browser, and what to remember until it is back at `back`."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    flow = Flow(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
    more = {"nonce": flow.nonce} if provider.kind == "oidc" else {}
    if provider.pkce == "1":
        more |= {"code_challenge": create_s256_code_challenge(flow.verifier), "code_challenge_method": "S256"}
    if provider.prompt:
        more["prompt"] = provider.prompt
    address = prepare_grant_uri(
        _endpoint(provider, "authorization_endpoint", provider.authorize_url), provider.client_id, "code", back,
        provider.scope, flow.state, **more,
    )  # fmt: skip
    return str(address), flow


def finish(provider: Provider, flow: Flow, back: str, answer: Mapping[str, str]) -> Identity:
    """Whom the answer at `back` proves, or NotProven. The caller uses a flow once only."""
    if not hmac.compare_digest(answer.get("state", "").encode(), flow.state.encode()):
        raise NotProven("登录请求已失效，或不是从本页开始的")
    if provider.issuer and answer.get("iss", provider.issuer) != provider.issuer:
        raise NotProven("回应不是来自所选的身份来源")
    if answer.get("error"):
        raise NotProven("身份来源没有同意" if answer["error"] == "access_denied" else "身份来源报告了错误")
    code = answer.get(provider.code_field) or answer.get("code", "")
    if not code or len(code) > 4000:
        raise NotProven("回应里没有授权码")
    if provider.kind != "oidc":
        return _holder(provider, flow, back, code)
    token = _exchange(provider, flow, back, code).get("id_token")
    if not isinstance(token, str):
        raise NotProven("身份来源没有给出身份令牌")
    claims = _claims(provider, token, flow.nonce)
    named = next((claims[k] for k in ("name", "preferred_username") if isinstance(claims.get(k), str)), "")
    return Identity(claims["sub"], _shown(named))


def _shown(named: object) -> str:
    return "".join(c for c in named if c.isprintable())[:80] if isinstance(named, str) else ""


def _is_subject(told: object) -> bool:
    """A number of a person as the database keeps it: it holds neither NUL nor half a surrogate pair."""
    return isinstance(told, str) and 0 < len(told.strip()) <= len(told) <= 255 and told.isprintable()


# --- plain OAuth 2.0


def _holder(provider: Provider, flow: Flow, back: str, code: str) -> Identity:
    """Whom the provider's page about the token's holder names. The token came for our own code and secret, straight
    from the provider, so it is nobody's else; it is used for this one question and forgotten."""
    said = _exchange_as_json(provider, flow, code) if provider.token_body == "json" else _exchange(
        provider, flow, back, code
    )  # fmt: skip
    token = said.get("access_token") or said.get("accessToken")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or len(token) > 8000:
        raise NotProven("身份来源没有给出访问令牌")
    name, value = (provider.token_header, token) if provider.token_header else ("Authorization", f"Bearer {token}")
    about = _fetch(provider, provider.user_url, None, {"Accept": "application/json", name: value})
    subject = _field(about, provider.id_field)
    if isinstance(subject, int) and not isinstance(subject, bool):
        subject = str(subject)
    if not isinstance(subject, str) or not _is_subject(subject):
        raise NotProven("身份来源没有给出可用的编号")
    return Identity(subject, _shown(_field(about, provider.name_field)))


def _exchange_as_json(provider: Provider, flow: Flow, code: str) -> dict[str, Any]:
    """The code for a token as DingTalk wants it: JSON with names in camel case."""
    asked = {
        "clientId": provider.client_id, "clientSecret": provider.client_secret, "code": code,
        "grantType": "authorization_code",
    }  # fmt: skip
    if provider.pkce == "1":
        asked["codeVerifier"] = flow.verifier
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return _fetch(provider, provider.token_url, json.dumps(asked).encode(), headers)


def _field(about: dict[str, Any], path: str) -> object:
    found: object = about
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


# --- OpenID Connect


def _exchange(provider: Provider, flow: Flow, back: str, code: str) -> dict[str, Any]:
    from authlib.oauth2.rfc6749.parameters import prepare_token_request

    url = _endpoint(provider, "token_endpoint", provider.token_url)
    more: dict[str, str] = {"redirect_uri": back, "code": code}
    if provider.pkce == "1":
        more["code_verifier"] = flow.verifier
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    by_form = "client_secret_basic" not in _told(provider).get(
        "token_endpoint_auth_methods_supported", ["client_secret_basic"]
    )
    if provider.client_secret and not by_form:
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        more["client_id"] = provider.client_id
        if provider.client_secret:
            more["client_secret"] = provider.client_secret
    return _fetch(provider, url, prepare_token_request("authorization_code", "", **more).encode(), headers)


def _claims(provider: Provider, token: str, nonce: str) -> dict[str, Any]:
    """The token's claims, once signature, issuer, audience, time and nonce have held."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        try:
            read = jwt.decode(token, _keys(provider), algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError):
            # A key that came into use after we asked last: asked for once more, then it is final.
            read = jwt.decode(token, _keys(provider, anew=True), algorithms=ALGORITHMS)
        registry = jwt.JWTClaimsRegistry(
            now=int(clock.now().timestamp()), leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": provider.issuer}, aud={"essential": True, "value": provider.client_id},
            exp={"essential": True}, iat={"essential": True}, sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        registry.validate(read.claims)
    except (JoseError, ValueError, TypeError) as error:
        # Headers and claims of kinds that the library does not expect, too: "crit" that is a number.
        raise NotProven(say("身份令牌不可信（%(name)s）", name=type(error).__name__)) from error
    claims = dict(read.claims)
    audience, party = claims["aud"], claims.get("azp")
    if party not in (None, provider.client_id) or (isinstance(audience, list) and len(audience) > 1 and party is None):
        raise NotProven("身份令牌不是给本平台的")
    if not _is_subject(claims["sub"]):
        raise NotProven("身份令牌没有可用的编号")
    return claims


# --- what the provider says of itself


def _told(provider: Provider) -> dict[str, Any]:
    """Its discovery document; nothing where the operator gave every endpoint."""
    if provider.kind != "oidc" or (provider.authorize_url and provider.token_url and provider.keys_url):
        return {}
    held = _known.get(provider.name)
    if held is None or held.at < time.monotonic() - KEPT_SECONDS:
        if _down.get(provider.name, 0.0) > time.monotonic():
            raise NotProven("暂时连不上身份来源")
        try:
            told = _fetch(provider, provider.issuer.rstrip("/") + DISCOVERY)
        except NotProven:
            _down[provider.name] = time.monotonic() + REST_SECONDS
            raise
        if told.get("issuer") != provider.issuer:
            raise NotProven("身份来源自报的名称与设置的不同")
        _known[provider.name] = held = _Known(told, None, time.monotonic())
    return held.told


def _endpoint(provider: Provider, name: str, given: str) -> str:
    url = given or _told(provider).get(name)
    if not isinstance(url, str) or not _is_safe(url):
        raise NotProven("身份来源没有给出安全的地址")
    return url


def _keys(provider: Provider, anew: bool = False) -> KeySet:
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    url = _endpoint(provider, "jwks_uri", provider.keys_url)
    held = _known.get(provider.name)
    if held is None or (provider.keys_url and held.at < time.monotonic() - KEPT_SECONDS):
        held = _known[provider.name] = _Known({}, None, time.monotonic())
    if held.keys is None or anew:
        try:
            # Kinds of keys that are not known yet, and those for other uses, stand beside the ones that sign.
            usable = [key for key in _fetch(provider, url)["keys"] if key.get("kty") in ("RSA", "EC")]
            held.keys = KeySet.import_key_set({"keys": usable})
        except (JoseError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise NotProven("身份来源的密钥无法读取") from error
    return held.keys


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))


def _is_proxy(url: str) -> bool:
    parts = urlsplit(url)
    try:
        whole = bool(parts.hostname and parts.port)
    except ValueError:
        return False
    return whole and parts.scheme == "http" and parts.path in ("", "/") and not (parts.query or parts.fragment)


def _fetch(
    provider: Provider, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:  # fmt: skip
    """JSON from the provider, within the time and size that a page can wait for; a redirect is not followed."""
    try:
        status, text = http_lines.asked(
            url, body, headers or {"Accept": "application/json"}, TIMEOUT_SECONDS, MOST_BYTES, provider.proxy
        )  # fmt: skip
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotProven("暂时连不上身份来源") from error
    if not 200 <= status < 300:
        raise NotProven(say("身份来源拒绝了请求（HTTP %(code)s）", code=status))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotProven("身份来源的回应无法读取") from error
    if not isinstance(found, dict):
        raise NotProven("身份来源的回应无法读取")
    return found

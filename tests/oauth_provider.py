"""A provider of plain OAuth 2.0 on the loopback, without identity tokens: as the standard has it, and as DingTalk."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.gateways import served
from tests.oidc_provider import CLIENT, SECRET


@dataclass
class Provider:
    """`person` is what the page about a token's holder says; `kind` is the provider's way of writing things."""

    kind: str
    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    token: Any = None
    status: int = 200
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def described(self, **more: str) -> dict[str, str]:
        """As the operator's settings name it."""
        made = {
            "name": "work", "label": "工作台", "issuer": "", "kind": self.kind, "client_id": CLIENT,
            "client_secret": SECRET, "authorize_url": f"{self.url}/authorize", "token_url": f"{self.url}/token",
            "user_url": f"{self.url}/me",
        }  # fmt: skip
        return made | ({"id_field": "data.open_id", "name_field": "data.name"} if self.kind == "oauth2" else {}) | more

    def visit(self, address: str) -> str:
        """The person goes to the address and agrees; gives where the browser is sent back to."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT and len(asked["state"]) > 20
        assert "nonce" not in asked
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        name = "authCode" if self.kind == "dingtalk" else "code"
        return asked["redirect_uri"] + "?" + urlencode({name: code, "state": asked["state"]})


@contextmanager
def provider(kind: str) -> Iterator[Provider]:
    held = Provider(kind)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append(self.path)
            name = "x-acs-dingtalk-access-token" if kind == "dingtalk" else "Authorization"
            if self.headers.get(name, "").removeprefix("Bearer ") not in held.tokens:
                return self._say({"message": "no token"}, 401)
            self._say(held.person, held.status)

        def do_POST(self) -> None:
            held.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            if kind == "dingtalk":
                assert self.headers["Content-Type"] == "application/json"
                given = json.loads(body)
                client = [given.get("clientId"), given.get("clientSecret")]
                right = given.get("grantType") == "authorization_code"
            else:
                given = {k: v[0] for k, v in parse_qs(body).items()}
                pair = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
                client, right = [unquote(part) for part in pair.split(":")], given["grant_type"] == "authorization_code"
            asked = held.codes.pop(given.get("code", ""), None)
            if asked is None or client != [CLIENT, SECRET] or not right:
                return self._say({"code": "invalid"}, 400)
            if "code_challenge" in asked:
                digest = hashlib.sha256(given["code_verifier"].encode()).digest()
                if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
                    return self._say({"code": "invalid"}, 400)
            made = secrets.token_urlsafe(16) if held.token is None else held.token
            held.tokens.add(str(made))
            self._say({"accessToken" if kind == "dingtalk" else "access_token": made, "expireIn": 7200})

        def _say(self, content: Any, status: int = 200) -> None:
            said = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with served(server):
        held.url = f"http://127.0.0.1:{server.server_port}"
        held.person = {"unionId": "u-0001", "nick": "林见山"} if kind == "dingtalk" else {
            "data": {"open_id": 40717, "name": "林见山"}
        }  # fmt: skip
        yield held

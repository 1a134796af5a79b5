"""A provider of identities on the loopback: OpenID Connect as far as signing in needs it, and what a bad one does."""

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
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app import clock
from tests.gateways import served

CLIENT, SECRET = "tian-client", "s3cret:/with signs"
_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """`person` is who sits at the provider; `claims` and `header` change what its tokens say."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "gov-0001", "name": "林见山"})
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: _KEY)
    shown_keys: list[Any] = field(default_factory=lambda: [_KEY])
    alg: str = "RS256"
    issuer: str = ""
    methods: list[str] | None = None
    down: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def described(self, **more: str) -> dict[str, str]:
        """As the operator's settings name it."""
        made = {"name": "gov", "label": "政务身份", "issuer": self.url, "client_id": CLIENT, "client_secret": SECRET}
        return made | more

    def visit(self, address: str) -> str:
        """The person goes to the address and agrees; gives where the browser is sent back to."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT and "openid" in asked["scope"]
        assert asked["code_challenge_method"] == "S256" and len(asked["state"]) > 20 and len(asked["nonce"]) > 20
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"], "iss": self.issuer})

    def token(self, asked: dict[str, str]) -> str:
        now = int(clock.now().timestamp())
        said = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person}
        said |= self.claims
        said = {k: v for k, v in said.items() if v is not None}
        if self.alg == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in ({"alg": "none"}, said)]
            return (b".".join(parts) + b".").decode()
        if self.alg == "HS256":
            return jwt.encode({"alg": "HS256"}, said, OctKey.import_key(SECRET))
        return jwt.encode({"alg": self.alg, "kid": self.key.kid}, said, self.key)


@contextmanager
def provider() -> Iterator[Provider]:
    held = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append(self.path)
            if held.down:
                return self._say({"error": "down"}, 503)
            if self.path == "/.well-known/openid-configuration":
                told: dict[str, Any] = {
                    "issuer": held.issuer, "authorization_endpoint": f"{held.url}/authorize",
                    "token_endpoint": f"{held.url}/token", "jwks_uri": f"{held.url}/keys",
                }  # fmt: skip
                if held.methods is not None:
                    told["token_endpoint_auth_methods_supported"] = held.methods
                return self._say(told)
            if self.path == "/keys":
                return self._say({"keys": [key.as_dict(private=False) for key in held.shown_keys]})
            self._say({"error": "not_found"}, 404)

        def do_POST(self) -> None:
            held.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            given = {k: v[0] for k, v in parse_qs(body).items()}
            asked = held.codes.pop(given.get("code", ""), None)
            if asked is None or not self._is_client(given):
                return self._say({"error": "invalid_grant"}, 400)
            proof = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=")
            if proof.decode() != asked["code_challenge"] or given["redirect_uri"] != asked["redirect_uri"]:
                return self._say({"error": "invalid_grant"}, 400)
            self._say({"access_token": "x", "token_type": "Bearer", "id_token": held.token(asked)})

        def _is_client(self, given: dict[str, str]) -> bool:
            if held.methods is None:
                from urllib.parse import unquote

                pair = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
                return [unquote(part) for part in pair.split(":")] == [CLIENT, SECRET]
            return (given.get("client_id"), given.get("client_secret")) == (CLIENT, SECRET)

        def _say(self, content: dict[str, Any], status: int = 200) -> None:
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
        held.url = held.issuer = f"http://127.0.0.1:{server.server_port}"
        yield held

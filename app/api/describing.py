"""The description of the interface (OpenAPI): what all operations share, said once.

A method's docstring says what is its own, in short: `summary`, `takes` (the schema of the body), `gives` (status →
schema), `paged`, further parameters. The rest is written out here: path parameters, errors, who may call.
"""

from __future__ import annotations

import re
from typing import Any

from apispec.exceptions import DuplicateComponentNameError

from app.api.schemas import SCHEMAS
from app.api.schemas_checks import CHECKS
from app.api.schemas_deeds import DEEDS
from app.api.schemas_elevators import ELEVATORS
from app.api.schemas_iot import IOT
from app.api.schemas_orders import ORDERS
from app.api.schemas_papers import PAPERS
from app.api.schemas_people import PEOPLE
from app.api.schemas_provincial import PROVINCIAL
from app.api.schemas_visits import VISITS

_IN_PATH = re.compile(r"{(\w+)}")
_NUMBERS = ("key", "person", "file")
_ERRORS = {
    401: "没有登录，或令牌无效", 403: "没有权限", 404: "没有这条记录，或不在管辖范围内", 409: "看过之后内容已变化",
    422: "参数有误，或不符合规则：每一条都说明规则、所见和办法", 429: "调用太频繁，见 Retry-After",
}  # fmt: skip
_PAGED = [
    {"in": "query", "name": "page", "schema": {"type": "integer", "minimum": 0}, "description": "第几页，从 0 起"},
    {"in": "query", "name": "size", "schema": {"type": "integer", "minimum": 1, "maximum": 200}},
]
_ONCE = {
    "in": "header", "name": "Idempotency-Key", "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{8,80}$"},
    "description": "重发同一请求时用同一个键：只办一次，回答相同（保留 48 小时）",
}  # fmt: skip
_FILE = {
    "type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}},
}  # fmt: skip


def add_components(api_spec: Any) -> None:
    """The ways to say who calls, and every schema."""
    schemes = api_spec.components
    for add, name, said in [
        (schemes.security_scheme, "jwt", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}),
        (schemes.security_scheme, "token", {
            "type": "http", "scheme": "bearer", "bearerFormat": "tian_…",
            "description": "个人接口令牌：在“个人信息 → 接口令牌”建立",
        }),
        (schemes.security_scheme, "device", {
            "type": "apiKey", "in": "header", "name": "X-Signature",
            "description": "设备密钥的 HMAC-SHA256 签名，见 docs/iot.md",
        }),
        *((schemes.schema, name, said) for name, said in (
            SCHEMAS | ELEVATORS | PAPERS | PEOPLE | DEEDS | CHECKS | IOT | PROVINCIAL | ORDERS | VISITS
        ).items()),
    ]:  # fmt: skip
        try:
            add(name, said)
        except DuplicateComponentNameError:
            continue


def complete(operation: dict[str, Any], path: str, method: str, name: str, once: bool) -> None:
    """Write out one operation's description in place; `once`: the door knows the Idempotency-Key."""
    takes, gives = operation.pop("takes", None), operation.pop("gives", {})
    parameters = operation.setdefault("parameters", [])
    named = {(p["in"], p["name"]) for p in parameters}
    for one in _IN_PATH.findall(path):
        if ("path", one) not in named:
            kind = "integer" if one in _NUMBERS else "string"
            parameters.append({"in": "path", "name": one, "required": True, "schema": {"type": kind}})
    if operation.pop("paged", False):
        parameters += _PAGED
    if once:
        parameters.append(_ONCE)
    if takes == "file":
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _FILE}}}
    elif takes:
        operation["requestBody"] = {"required": True, "content": _json(takes)}
    responses = operation.setdefault("responses", {})
    for status, schema in gives.items():
        responses[status] = {"description": "成功", "content": _json(schema)}
    for status, said in _ERRORS.items():
        held = responses.setdefault(status, {"description": said})
        held.setdefault("content", _json("Refusal"))
    operation.setdefault("operationId", name)
    if operation.get("security") != [{"device": []}]:
        operation["security"] = [{"jwt": []}, {"token": []}]


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}

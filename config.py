"""Environment → settings; nothing else. Every variable is described in docs/settings.md.

One that is empty is as good as absent; a wrong one is told at the start, by name, with what it has to be.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
YES, NO = {"1", "true", "yes"}, {"0", "false", "no"}


def text(name: str, default: str = "") -> str:
    """The variable's value; `default` where it is absent or empty."""
    return os.environ.get(name) or default


def several(name: str) -> list[str]:
    """The variable's parts between commas, without empty ones."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def whole(name: str, default: int, least: int = 0, most: int = 10**9) -> int:
    """A whole number from `least` to `most`; else RuntimeError."""
    given = text(name, str(default)).strip()
    if not (given.isascii() and given.isdigit() and least <= int(given) <= most):
        raise RuntimeError(f"环境变量 {name} 应为 {least} 至 {most} 的整数，现为“{given}”；不设时为 {default}")
    return int(given)


def decimal(name: str, default: float) -> float:
    """A number that is not negative; else RuntimeError."""
    given = text(name, str(default)).strip()
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", given):
        raise RuntimeError(f"环境变量 {name} 应为不小于 0 的数，现为“{given}”；不设时为 {default:g}")
    return float(given)


def flag(name: str, default: bool) -> bool:
    """Yes or no; else RuntimeError."""
    given = text(name, "1" if default else "0").strip().lower()
    if given not in YES | NO:
        raise RuntimeError(f"环境变量 {name} 应为 1 或 0，现为“{given}”；不设时为 {int(default)}")
    return given in YES


def one_of(name: str, default: str, *others: str) -> str:
    """One of the words; else RuntimeError."""
    given = text(name, default).strip().lower()
    if given not in (default, *others):
        words = "、".join(word for word in (default, *others) if word)
        raise RuntimeError(f"环境变量 {name} 应为 {words} 之一，现为“{given}”；不设时为 {default or '空'}")
    return given


def data_dir() -> Path:
    """Where the embedded database, uploads, queue, logs and the secret key live."""
    return Path(text("DATA_DIR") or ROOT / "instance").resolve()


def secret_key(folder: Path) -> str:
    """The session key: from SECRET_KEY, else a random one kept in the data folder, readable by its owner only."""
    return text("SECRET_KEY") or kept_secret(folder / "secret_key", secrets.token_urlsafe(48))


def data_keys(folder: Path) -> list[str]:
    """Keys of what the database keeps sealed, the current one first: from DATA_KEYS, else one in the data folder."""
    return several("DATA_KEYS") or [kept_secret(folder / "data_key", fresh_key())]


def index_keys(folder: Path) -> list[str]:
    """Keys of the blind indexes over what is sealed, the current one first: from INDEX_KEYS, else one in the folder."""
    return several("INDEX_KEYS") or [kept_secret(folder / "index_key", fresh_key())]


def fresh_key() -> str:
    """32 random bytes as a key is written."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def kept_secret(path: Path, fresh: str) -> str:
    """What the file holds; a fresh secret is written where there is none, once however many processes start."""
    if not path.exists():
        # The embedded database lies beside it, with digests of passwords: for this user alone.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(handle, "w") as out:
            out.write(fresh)
    return path.read_text().strip()


OIDC_FIELDS = (
    "label", "kind", "issuer", "client_id", "client_secret", "scope", "authorize_url", "token_url", "keys_url",
    "user_url", "id_field", "name_field", "code_field", "token_body", "token_header", "prompt", "pkce", "proxy",
)  # fmt: skip


def oidc_providers() -> list[dict[str, str]]:
    """Sources of identities: OIDC_PROVIDERS names them, OIDC_<NAME>_ISSUER and so on describe each."""
    found = []
    for name in (part.lower() for part in several("OIDC_PROVIDERS")):
        given = {key: text(f"OIDC_{name.upper()}_{key.upper()}") for key in OIDC_FIELDS}
        least = {"name": name, "label": name, "issuer": "", "client_id": ""}
        found.append(least | {key: value for key, value in given.items() if value})
    return found


def settings() -> dict[str, Any]:
    """Read the environment once; the factory passes the result to Flask."""
    folder = data_dir()
    broker = text("CELERY_BROKER_URL")
    https = flag("HTTPS", False)
    return {
        "SECRET_KEY": secret_key(folder),
        "DATA_DIR": str(folder),
        "UPLOAD_DIR": str(folder / "files"),
        "SQLALCHEMY_DATABASE_URI": text("DATABASE_URL") or f"sqlite:///{folder / 'tian.db'}",
        # A connection that the server closed meanwhile is noticed before it is used (app/extensions.py).
        # What a failing statement carried is somebody's data and stays out of errors, and so out of logs.
        "SQLALCHEMY_ENGINE_OPTIONS": {"hide_parameters": True} | ({
            "pool_recycle": 1800, "pool_size": whole("DATABASE_POOL", 5, 1),
        } if text("DATABASE_URL").startswith("postgresql") else {}),
        "PROXIES": whole("PROXIES", 0, most=9),
        "METRICS_TOKEN": text("METRICS_TOKEN"),
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": text("CELERY_RESULT_BACKEND"),
        "DATA_KEYS": data_keys(folder),
        "INDEX_KEYS": index_keys(folder),
        "SMS_GATEWAY_URL": text("SMS_GATEWAY_URL"),
        "SMS_GATEWAY_SECRET": text("SMS_GATEWAY_SECRET"),
        "REAL_NAME_URL": text("REAL_NAME_URL"),
        "REAL_NAME_SECRET": text("REAL_NAME_SECRET"),
        "FACE_URL": text("FACE_URL"),
        "FACE_SECRET": text("FACE_SECRET"),
        "FACE_THRESHOLD": decimal("FACE_THRESHOLD", 0.8),
        "FACE_TIMEOUT": decimal("FACE_TIMEOUT", 4),
        "SMTP_URL": text("SMTP_URL"),
        "MAIL_FROM": text("MAIL_FROM"),
        "DINGTALK_WEBHOOK": text("DINGTALK_WEBHOOK"),
        "DINGTALK_SECRET": text("DINGTALK_SECRET"),
        # Who may do nothing before he has a second factor: "all", "regulators", or nobody.
        "SECOND_FACTOR_FOR": one_of("SECOND_FACTOR_FOR", "", "all", "regulators", "none"),
        "BREACHED_LIST": text("BREACHED_LIST"),
        "OIDC_PROVIDERS": oidc_providers(),
        "WEBHOOKS": flag("WEBHOOKS", True),
        "WEBHOOK_ALLOWED": text("WEBHOOK_ALLOWED"),
        "PROVINCIAL_URL": text("PROVINCIAL_URL"),
        "PROVINCIAL_APP_ID": text("PROVINCIAL_APP_ID"),
        "PROVINCIAL_SECRET": text("PROVINCIAL_SECRET"),
        "PROVINCIAL_CA": text("PROVINCIAL_CA"),
        "PROVINCIAL_TIMEOUT": decimal("PROVINCIAL_TIMEOUT", 15),
        "PROVINCIAL_REGIONS": several("PROVINCIAL_REGIONS"),
        "IOT_CODES": text("IOT_CODES"),
        "IOT_AT_ONCE": whole("IOT_AT_ONCE", 4, 1),
        "PUBLIC_URL": text("PUBLIC_URL"),
        "PICTURE_READER": text("PICTURE_READER", "auto"),
        "SCANNER_URL": text("SCANNER_URL"),
        "SCANNER_WHEN_DOWN": one_of("SCANNER_WHEN_DOWN", "wait", "refuse", "pass"),
        "SELF_REGISTRATION": flag("SELF_REGISTRATION", True),
        # Flask-AppBuilder would switch off whatever counts calls, together with its own limit on the login page.
        "RATELIMIT_ENABLED": True,
        "API_LIMITED": True,
        "API_LIMIT_TOKEN": text("API_LIMIT_TOKEN", "600 per minute"),
        "API_LIMIT_ADDRESS": text("API_LIMIT_ADDRESS", "3000 per minute"),
        "RATELIMIT_STORAGE_URI": broker if broker.startswith("redis") else "memory://",
        # Pictures beneath maps, e.g. https://tiles.example.com/{z}/{x}/{y}.png; without them a map draws a grid.
        "MAP_TILES": text("MAP_TILES"),
        "MAP_TILES_DATUM": one_of("MAP_TILES_DATUM", "wgs84", "gcj02", "bd09"),
        "MAP_ATTRIBUTION": text("MAP_ATTRIBUTION"),
        "MAP_SUBDOMAINS": text("MAP_SUBDOMAINS", "abc"),
        "MAP_MOST_ZOOM": whole("MAP_MOST_ZOOM", 18, 1, 24),
        "APP_NAME": "梯安",
        "APP_REGION_LABEL": text("REGION_LABEL"),
        "BABEL_DEFAULT_LOCALE": "zh_Hans_CN",
        "BABEL_DEFAULT_TIMEZONE": "Asia/Shanghai",
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),
        "LANGUAGES": {
            "zh_Hans_CN": {"flag": "cn", "name": "中文"},
            "en": {"flag": "gb", "name": "English"},
        },
        "FAB_CREATE_DB": False,
        "FAB_UPDATE_PERMS": False,
        "FAB_API_SWAGGER_UI": True,
        "FAB_API_SHOW_STACKTRACE": False,
        "FAB_API_MAX_PAGE_SIZE": 200,
        "FAB_BASE_TEMPLATE": "ta/fab.html",
        "FAB_INDEX_VIEW": "app.views.home.home.Home",
        "FAB_SECURITY_MANAGER_CLASS": "app.views.access.security.SecurityManager",
        "AUTH_TYPE": 1,
        "AUTH_ROLE_ADMIN": "platform_admin",
        # Tokens are ours, for this API, by one algorithm; whatever else is signed with the same key is none.
        "JWT_ALGORITHM": "HS256",
        "JWT_DECODE_ALGORITHMS": ["HS256"],
        "JWT_ENCODE_ISSUER": "tian",
        "JWT_DECODE_ISSUER": "tian",
        "JWT_ENCODE_AUDIENCE": "tian-api",
        "JWT_DECODE_AUDIENCE": "tian-api",
        "JWT_TOKEN_LOCATION": ["headers"],
        "JWT_ACCESS_TOKEN_EXPIRES": whole("TOKEN_MINUTES", 30, 1) * 60,
        "JWT_REFRESH_TOKEN_EXPIRES": whole("SESSION_HOURS", 12, 1) * 3600,
        "AUTH_RATE_LIMITED": False,
        "WTF_CSRF_ENABLED": True,
        "WTF_CSRF_TIME_LIMIT": None,
        # The prefix makes browsers refuse one that a neighbour under the same domain, or plain HTTP, tries to plant.
        "SESSION_COOKIE_NAME": "__Host-session" if https else "session",
        "SESSION_COOKIE_PATH": "/",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": https,
        "PREFERRED_URL_SCHEME": "https" if https else "http",
        # Only an answer that says something new sets the cookie: one of a look-up, arriving late, would undo a message.
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": whole("SESSION_HOURS", 12, 1) * 3600,
        "SESSION_IDLE_MINUTES": whole("SESSION_IDLE_MINUTES", 120, 1),
        "MAX_CONTENT_LENGTH": 20 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 4 * 1024 * 1024,
        "MAX_FORM_PARTS": 5000,
        "JOB_STALE_SECONDS": whole("JOB_STALE_SECONDS", 60, 1),
        # How old the menu's number of warnings may be; their own pages always count.
        "MENU_NUMBERS_SECONDS": decimal("MENU_NUMBERS_SECONDS", 20),
        "EXPORT_INLINE_ROWS": whole("EXPORT_INLINE_ROWS", 5000),
    }

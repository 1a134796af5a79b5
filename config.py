"""Environment → settings; nothing else. Every variable is described in README (运行与配置)."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent


def data_dir() -> Path:
    """Where the embedded database, uploads, queue, logs and the secret key live."""
    return Path(os.environ.get("DATA_DIR", ROOT / "instance")).resolve()


def secret_key(folder: Path) -> str:
    """The session key: from SECRET_KEY, else a random one kept in the data folder, readable by its owner only."""
    return os.environ.get("SECRET_KEY") or kept_secret(folder / "secret_key", secrets.token_urlsafe(48))


def data_keys(folder: Path) -> list[str]:
    """Keys of what the database keeps sealed, the current one first: from DATA_KEYS, else one in the data folder."""
    given = [key.strip() for key in os.environ.get("DATA_KEYS", "").split(",") if key.strip()]
    return given or [kept_secret(folder / "data_key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())]


def index_keys(folder: Path) -> list[str]:
    """Keys of the blind indexes over what is sealed, the current one first: from INDEX_KEYS, else one in the folder."""
    given = [key.strip() for key in os.environ.get("INDEX_KEYS", "").split(",") if key.strip()]
    return given or [kept_secret(folder / "index_key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())]


def kept_secret(path: Path, fresh: str) -> str:
    """What the file holds; a fresh secret is written where there is none, once however many processes start."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(handle, "w") as out:
            out.write(fresh)
    return path.read_text().strip()


OIDC_FIELDS = (
    "label", "kind", "issuer", "client_id", "client_secret", "scope", "authorize_url", "token_url", "keys_url",
    "user_url", "id_field", "name_field", "code_field", "token_body", "token_header", "prompt", "pkce",
)  # fmt: skip


def oidc_providers() -> list[dict[str, str]]:
    """Sources of identities: OIDC_PROVIDERS names them, OIDC_<NAME>_ISSUER and so on describe each."""
    found = []
    for name in (part.strip().lower() for part in os.environ.get("OIDC_PROVIDERS", "").split(",")):
        if name:
            given = {key: os.environ.get(f"OIDC_{name.upper()}_{key.upper()}", "") for key in OIDC_FIELDS}
            least = {"name": name, "label": name, "issuer": "", "client_id": ""}
            found.append(least | {key: value for key, value in given.items() if value})
    return found


def settings() -> dict[str, Any]:
    """Read the environment once; the factory passes the result to Flask."""
    folder = data_dir()
    broker = os.environ.get("CELERY_BROKER_URL", "")
    https = os.environ.get("HTTPS", "").lower() in {"1", "true", "yes"}
    return {
        "SECRET_KEY": secret_key(folder),
        "DATA_DIR": str(folder),
        "UPLOAD_DIR": str(folder / "files"),
        "SQLALCHEMY_DATABASE_URI": os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'tian.db'}",
        # A connection that the server closed meanwhile is noticed before it is used (app/extensions.py).
        # What a failing statement carried is somebody's data and stays out of errors, and so out of logs.
        "SQLALCHEMY_ENGINE_OPTIONS": {"hide_parameters": True} | ({
            "pool_recycle": 1800, "pool_size": int(os.environ.get("DATABASE_POOL", "5")),
        } if os.environ.get("DATABASE_URL", "").startswith("postgresql") else {}),
        "PROXIES": int(os.environ.get("PROXIES", "0")),
        "METRICS_TOKEN": os.environ.get("METRICS_TOKEN", ""),
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": os.environ.get("CELERY_RESULT_BACKEND", ""),
        "DATA_KEYS": data_keys(folder),
        "INDEX_KEYS": index_keys(folder),
        "SMS_GATEWAY_URL": os.environ.get("SMS_GATEWAY_URL", ""),
        "SMS_GATEWAY_SECRET": os.environ.get("SMS_GATEWAY_SECRET", ""),
        "REAL_NAME_URL": os.environ.get("REAL_NAME_URL", ""),
        "REAL_NAME_SECRET": os.environ.get("REAL_NAME_SECRET", ""),
        "FACE_URL": os.environ.get("FACE_URL", ""),
        "FACE_SECRET": os.environ.get("FACE_SECRET", ""),
        "FACE_THRESHOLD": float(os.environ.get("FACE_THRESHOLD") or "0.8"),
        "FACE_TIMEOUT": float(os.environ.get("FACE_TIMEOUT") or "4"),
        "SMTP_URL": os.environ.get("SMTP_URL", ""),
        "MAIL_FROM": os.environ.get("MAIL_FROM", ""),
        "DINGTALK_WEBHOOK": os.environ.get("DINGTALK_WEBHOOK", ""),
        "DINGTALK_SECRET": os.environ.get("DINGTALK_SECRET", ""),
        # Who may do nothing before he has a second factor: "all", "regulators", or nobody.
        "SECOND_FACTOR_FOR": os.environ.get("SECOND_FACTOR_FOR", ""),
        "BREACHED_LIST": os.environ.get("BREACHED_LIST", ""),
        "OIDC_PROVIDERS": oidc_providers(),
        "WEBHOOKS": os.environ.get("WEBHOOKS", "1").lower() in {"1", "true", "yes"},
        "WEBHOOK_ALLOWED": os.environ.get("WEBHOOK_ALLOWED", ""),
        "PROVINCIAL_URL": os.environ.get("PROVINCIAL_URL", ""),
        "PROVINCIAL_APP_ID": os.environ.get("PROVINCIAL_APP_ID", ""),
        "PROVINCIAL_SECRET": os.environ.get("PROVINCIAL_SECRET", ""),
        "PROVINCIAL_CA": os.environ.get("PROVINCIAL_CA", ""),
        "PROVINCIAL_TIMEOUT": float(os.environ.get("PROVINCIAL_TIMEOUT", "15")),
        "PROVINCIAL_REGIONS": [r.strip() for r in os.environ.get("PROVINCIAL_REGIONS", "").split(",") if r.strip()],
        "IOT_CODES": os.environ.get("IOT_CODES", ""),
        "IOT_AT_ONCE": int(os.environ.get("IOT_AT_ONCE", "4")),
        "PUBLIC_URL": os.environ.get("PUBLIC_URL", ""),
        "PICTURE_READER": os.environ.get("PICTURE_READER", "auto"),
        "SCANNER_URL": os.environ.get("SCANNER_URL", ""),
        "SCANNER_WHEN_DOWN": os.environ.get("SCANNER_WHEN_DOWN", "wait"),
        "SELF_REGISTRATION": os.environ.get("SELF_REGISTRATION", "1").lower() in {"1", "true", "yes"},
        # Flask-AppBuilder would switch off whatever counts calls, together with its own limit on the login page.
        "RATELIMIT_ENABLED": True,
        "API_LIMITED": True,
        "API_LIMIT_TOKEN": os.environ.get("API_LIMIT_TOKEN", "600 per minute"),
        "API_LIMIT_ADDRESS": os.environ.get("API_LIMIT_ADDRESS", "3000 per minute"),
        "RATELIMIT_STORAGE_URI": broker if broker.startswith("redis") else "memory://",
        # Pictures beneath maps, e.g. https://tiles.example.com/{z}/{x}/{y}.png; without them a map draws a grid.
        "MAP_TILES": os.environ.get("MAP_TILES", ""),
        "MAP_TILES_DATUM": os.environ.get("MAP_TILES_DATUM", "wgs84").lower(),
        "MAP_ATTRIBUTION": os.environ.get("MAP_ATTRIBUTION", ""),
        "MAP_SUBDOMAINS": os.environ.get("MAP_SUBDOMAINS", "abc"),
        "MAP_MOST_ZOOM": int(os.environ.get("MAP_MOST_ZOOM", "18")),
        "APP_NAME": "梯安",
        "APP_REGION_LABEL": os.environ.get("REGION_LABEL", ""),
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
        "JWT_ACCESS_TOKEN_EXPIRES": int(os.environ.get("TOKEN_MINUTES", "30")) * 60,
        "JWT_REFRESH_TOKEN_EXPIRES": int(os.environ.get("SESSION_HOURS", "12")) * 3600,
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
        "PERMANENT_SESSION_LIFETIME": int(os.environ.get("SESSION_HOURS", "12")) * 3600,
        "SESSION_IDLE_MINUTES": int(os.environ.get("SESSION_IDLE_MINUTES", "120")),
        "MAX_CONTENT_LENGTH": 20 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 4 * 1024 * 1024,
        "MAX_FORM_PARTS": 5000,
        "JOB_STALE_SECONDS": int(os.environ.get("JOB_STALE_SECONDS", "60")),
        # How old the menu's number of warnings may be; their own pages always count.
        "MENU_NUMBERS_SECONDS": float(os.environ.get("MENU_NUMBERS_SECONDS", "20")),
        "EXPORT_INLINE_ROWS": int(os.environ.get("EXPORT_INLINE_ROWS", "5000")),
    }

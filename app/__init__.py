"""梯安: `create_app` wires the parts together; it holds no behaviour of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

def create_app(**overrides: Any) -> Flask:
    """Build the WSGI application from the environment; `overrides` win (tests)."""
    # Imported here: rules and policy import `app.errors` and must not pull Flask in.
    from app import kept_back

    # Asked for the zone of this machine, which no page of ours tells, pytz looks for the files of all zones.
    with kept_back.without("pytz"):
        import babel.localtime  # noqa: F401

    # Their keepers of pictures are not used here, nor types of columns beyond SQLAlchemy's own: whoever loads the two
    # first says so.
    with kept_back.without("PIL"):
        import flask_appbuilder  # noqa: F401

        with kept_back.without("sqlalchemy_utils"):
            import flask_admin.contrib.sqla  # noqa: F401

    from werkzeug.middleware.proxy_fix import ProxyFix

    import config
    from app import api, channels, cli, field, logs, ops, picture_reader, scanner, sending, vault, views
    from app.api import limits
    from app.extensions import appbuilder_for, csrf, db
    from app.reference import iot as iot_codes
    from app.views.frame import assets, languages, light, metrics, requests, told
    from app.views.frame import errors as error_pages
    from app.workflows.access import passwords
    from app.workflows.core import notices
    from app.workflows.files import attachments

    app = requests.Web(__name__)
    app.config.update(config.settings() | overrides)
    told.install(app)
    if app.config["PROXIES"]:
        # Only what as many proxies as there are have added; further addresses in the header are a client's word.
        count = app.config["PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    vault.use_keys(app.config["DATA_KEYS"], app.config["INDEX_KEYS"])
    scanner.use(app.config)
    picture_reader.use(app.config)
    iot_codes.use(app.config["IOT_CODES"])
    channels.install(app.config)
    notices.use_place(app.config["APP_NAME"], app.config["PUBLIC_URL"])
    app.url_rule_class = requests.LateRule
    app.url_map.converters["int"] = requests.RowNumber
    db.init_app(app)
    logs.install(app)
    requests.begin(app)
    csrf.init_app(app)
    metrics.install(app)
    sending.install(app)
    attachments.use_folder(app.config["UPLOAD_DIR"])
    passwords.use_list(app.config["BREACHED_LIST"])

    with app.app_context():
        appbuilder = appbuilder_for(app)
        requests.install(app)
        languages.install(app)
        assets.install(app)
        light.install(app)
        views.register(appbuilder)
        limits.install(app)
        api.register(appbuilder)
        field.register(app)
        ops.register(app)
        error_pages.install(app)
        cli.register(app)
    return app

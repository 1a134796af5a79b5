"""The ground all tests stand on: the application on a fresh database, on SQLite and on a real PostgreSQL.

Every test that reaches the database runs once on each (`--db sqlite|postgresql|both`), on a copy of a migrated
one made for it alone: commits, several connections and locks are real, and nothing is rolled back behind its back.

Never hold an application context around a client call: `g` would be shared between requests, and a check of
rights could pass for the wrong person.
"""

from __future__ import annotations

import functools
import gc
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from flask import request
from hypothesis import HealthCheck, settings
from itsdangerous import URLSafeTimedSerializer

from app import clock
from app.models import Account
from app.permissions import Actor
from app.transaction import transaction
from app.workflows.access import second_factor
from app.workflows.approval import policies
from app.workflows.core import audit, outbox
from app.workflows.maintenance import item_lists
from scripts import catalogues
from tests import hashing
from tests.databases import KEYS, Database, PostgresDatabase, SqliteDatabase
from tests.factories import PASSWORD, World, has_tests_password, make_policy
from tests.services import Services

pytest_plugins = ["tests.plugin_features"]

KINDS = {"sqlite": ["sqlite"], "postgresql": ["postgresql"], "both": ["sqlite", "postgresql"]}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("tian").addoption("--db", choices=sorted(KINDS), default="both", help="which databases")


def pytest_configure(config: pytest.Config) -> None:
    # How long a busy machine takes to think of examples says nothing about the rules.
    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")
    hashing.use(hashing.LEAST)
    gc.set_threshold(10_000, 20, 50)  # see _application
    if hasattr(config, "workerinput"):
        config.services = Services(Path(config.workerinput["services"]))  # type: ignore[attr-defined]
    else:
        config.services = Services.make()  # type: ignore[attr-defined]
        config.add_cleanup(config.services.stop)  # type: ignore[attr-defined]
    # Whatever the caller's shell says, no test reads or writes a person's data.
    os.environ["DATA_DIR"] = str(config.services.root / "instance")  # type: ignore[attr-defined]
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "SECRET_KEY", "PORT", "HOST"):
        os.environ.pop(name, None)
    if hasattr(config, "workerinput"):
        return
    catalogues.compile_stale()  # whoever calls pytest without make sees today's texts as well
    # Without this SIGTERM would end pytest at once and leave the servers behind. Not by way of SIGINT, which a shell
    # lets what it starts in the background ignore.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["services"] = str(node.config.services.root)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]  # a test may name its database
    if "db_kind" in metafunc.fixturenames and "db_kind" not in own:
        metafunc.parametrize("db_kind", KINDS[metafunc.config.getoption("db")], scope="session")


# --- servers


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> Services:
    return pytestconfig.services  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Which of the parallel test processes this is; "main" without xdist."""
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture
def redis_url(services: Services, worker_id: str) -> Iterator[str]:
    """An empty database of a real Redis, for this test alone."""
    import redis

    number = 0 if worker_id == "main" else int(worker_id.removeprefix("gw")) + 1
    url = f"{services.redis()}/{number}"
    with redis.Redis.from_url(url) as connection:
        connection.flushdb()
        yield url
        connection.flushdb()


# --- databases


@pytest.fixture(scope="session")
def databases(services: Services, worker_id: str) -> Iterator[dict[str, Database]]:
    """This process's database of each kind; made when first used."""
    made: dict[str, Database] = {
        "sqlite": SqliteDatabase(services, worker_id),
        "postgresql": PostgresDatabase(services, worker_id),
    }
    yield made
    for database in made.values():
        database.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, db_kind: str, databases: dict[str, Database]) -> Database:
    """A migrated database with roles and permissions in it, for this test alone; and `world`, if the test takes it."""
    found = databases[db_kind]
    found.renew(inhabited="world" in request.fixturenames)
    # What a process has seen of a database holds for as long as that lives; this one is a new one under an old name.
    policies.SEEN_KEPT.clear()
    item_lists.SEEN.clear()
    return found


@pytest.fixture
def database_url(database: Database) -> str:
    return database.url


@pytest.fixture
def empty_database_url(db_kind: str, databases: dict[str, Database]) -> Iterator[str]:
    """A database without any table, for tests of the migrations themselves."""
    url = databases[db_kind].make_empty()
    yield url
    databases[db_kind].drop_empty()


@pytest.fixture
def migrated_database_url(db_kind: str, databases: dict[str, Database]) -> Iterator[str]:
    """A database with all tables in which nobody has worked yet, beside the test's own."""
    url = databases[db_kind].make_migrated()
    yield url
    databases[db_kind].drop_empty()


# --- the application


@pytest.fixture(scope="session")
def _application(services: Services, worker_id: str) -> Any:
    """Made once a process: Flask-AppBuilder's views cost more to build than most tests to run."""
    from app import create_app
    from app.tasks import jobs

    # Nobody waits for SQLite's one writer while a test runs a job here, and each job would lie still for its turn.
    jobs.TURN_SECONDS = 0
    data = services.root / f"data-{worker_id}"  # in memory where there is some
    data.mkdir()
    application = create_app(
        TESTING=True,
        API_LIMITED=False,  # all tests come from one address
        MENU_NUMBERS_SECONDS=0,  # a test's rows are not those of the one before
        SECRET_KEY="only for tests, only for tests, only for tests",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{data / 'never-used.db'}",
        DATA_DIR=str(data),
        UPLOAD_DIR=str(data / "files"),
        **{name: [key] for name, key in KEYS.items()},
    )
    # What stands for the whole run, modules, tests and the application, is millions of objects: the collector, which
    # would walk over them all again and again, is told to leave them alone. It still finds what tests leave behind.
    gc.collect()
    gc.freeze()
    return application


@pytest.fixture
def app(_application: Any, database: Database) -> Iterator[Any]:
    """The application on this test's database, with empty folders for files, queue and audit heads.

    Its engine is bound anew for each test. Open an application context only around code that runs outside requests.
    """
    from app.extensions import db

    # What one test sealed or queued is no other test's: a head kept from another log would convict this one's.
    for name in ("audit", "files", "queue/messages", "queue/processed"):
        _empty(Path(_application.config["DATA_DIR"]) / name)
    engines = db._app_engines[_application]  # the one place where Flask-SQLAlchemy keeps them
    engines[None] = database.engine
    _application.config["SQLALCHEMY_DATABASE_URI"] = database.url
    yield _application
    with _application.app_context():
        db.session.remove()


def _empty(folder: Path) -> None:
    """Most tests leave nothing behind: then nothing is made anew."""
    if not folder.is_dir() or any(folder.iterdir()):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def elsewhere(app: Any, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """`elsewhere(url)` puts the application on another database and another empty data folder."""
    import sqlalchemy

    from app.extensions import db

    before = {name: app.config[name] for name in ("DATA_DIR", "UPLOAD_DIR", "SQLALCHEMY_DATABASE_URI")}
    engines = db._app_engines[app]
    own = engines[None]
    made: list[Any] = []

    def move(url: str) -> Any:
        with app.app_context():
            db.session.remove()
        data = tmp_path / f"data{len(made)}"
        data.mkdir()
        engines[None] = sqlalchemy.create_engine(url)
        made.append(engines[None])
        app.config.update(DATA_DIR=str(data), UPLOAD_DIR=str(data / "files"), SQLALCHEMY_DATABASE_URI=url)
        return engines[None]

    yield move
    app.config.update(before)
    engines[None] = own
    for engine in made:
        engine.dispose()


@pytest.fixture
def session(app: Any, database: Database) -> Iterator[Any]:
    """A plain session on this test's database, outside any request: what workflows and rules of scope take.

    It is not the request's session: commit before a client call, expire or refresh after one.
    """
    from sqlalchemy.orm import Session

    with Session(database.engine) as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def client(app: Any) -> Any:
    """Nobody: a browser that has not logged in."""
    return app.test_client()


@pytest.fixture
def kept_for_good() -> Iterator[str]:
    """Passwords are hashed as the product hashes them; gives its numbers."""
    hashing.use(hashing.PRODUCTS)
    yield hashing.PRODUCTS
    hashing.use(hashing.LEAST)


# --- people


@pytest.fixture
def world(session: Any, database: Database) -> World:
    """The small region that most tests live in, committed; see tests/factories.py.

    It is built once a process and kind of database; each test gets it as it was built.
    """
    return World.standing(session, database.world)


@pytest.fixture
def huzhou(session: Any, world: World) -> World:
    """The small region under the rules of Huzhou."""
    make_policy(session, "preset", "huzhou")
    session.commit()
    return world


@pytest.fixture
def sms() -> Iterator[None]:
    """SMS are sent, and go nowhere."""
    outbox.SENDERS["sms"] = lambda _session, _notice: None
    yield
    outbox.SENDERS.pop("sms")


@pytest.fixture
def uncounted(app: Any) -> Iterator[None]:
    """Nobody has called yet, whatever other tests asked from the one address that they all have."""
    app.extensions["tian_window"].reset()
    yield
    app.extensions["tian_window"].reset()


@pytest.fixture
def menu_once(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the menu says is asked once an account, for walks along hundreds of pages that change nothing of it.

    Twelve statements beneath each of a thousand refusals were half of a walk.
    """
    from app.views.frame import menu

    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 3600)
    monkeypatch.setattr(menu, "_ask", functools.cache(menu._ask))


@pytest.fixture
def sign_in(app: Any) -> Any:
    """`sign_in(account)` gives a browser that has logged in as this account.

    Through the real login page, but for an account as the makers make it: with the password of all tests, and nothing
    that the page would ask or refuse. Its session is begun as the page begins it once it knows who is there, which is
    half of the work. Where signing in itself is the subject, a test posts to the page.
    """

    def start(account: Any, password: str = PASSWORD) -> Any:
        name = account.username
        browser = app.test_client()
        if password == PASSWORD and begun_plainly(browser, account.id):
            return browser
        answer = browser.post("/login/", data={"username": name, "password": password, "csrf_token": csrf(browser)})
        assert answer.status_code == 302, f"login of {name} gave {answer.status_code}"
        return browser

    return start


def begun_plainly(browser: Any, account_id: int) -> bool:
    """Begin the account's session in this browser; False where the login page has more to do than that."""
    from app.extensions import db
    from app.views.access.browser import begin_session

    app, sent = browser.application, {"csrf_token": csrf(browser)}
    name, base = app.session_interface.get_cookie_name(app), browser.environ_base
    cookie = {"Cookie": f"{name}={browser.get_cookie(name).value}"}
    with app.test_request_context("/login/", method="POST", data=sent, headers=cookie, environ_base=base):
        assert app.preprocess_request() is None, "the door of the login page is shut"
        account = db.session.get(Account, account_id, execution_options={"skip_scope": True})
        if account is None or not has_tests_password(account) or not account.active or account.must_change_password:
            return False
        if account.locked_until is not None or second_factor.factor_of(account):
            return False
        at = clock.now()
        who = Actor(account.id, account.get_full_name(), via="web", address=request.remote_addr)
        with transaction(db.session):
            account.login_count = (account.login_count or 0) + 1
            account.last_login = clock.local(at).replace(tzinfo=None)
            audit.record(db.session, who, at, "login.ok", "account", account.id)
        begin_session(account)
        answer = app.process_response(app.response_class())
    for given in answer.headers.getlist("Set-Cookie"):
        for kept in SimpleCookie(given).values():
            browser.set_cookie(kept.key, kept.value)
    return True


def csrf(browser: Any, page: str = "") -> str:
    """The CSRF token that a page carries; of no page in particular, that of the session, as all its pages carry it.

    A browser that has seen no page yet is given one as its first page would give it; none is shown for that alone.
    """
    import re

    if not page:
        kept = _kept_by(browser)
        if "csrf_token" not in kept:
            kept["csrf_token"] = secrets.token_hex(20)
            _keep(browser, kept)
        signer = URLSafeTimedSerializer(browser.application.secret_key, salt="wtf-csrf-token")
        return str(signer.dumps(kept["csrf_token"]))
    shown = browser.get(page).get_data(as_text=True)
    found = re.search(r'name="csrf[-_]token"[^>]*(?:value|content)="([^"]+)"', shown)
    assert found, f"{page} carries no CSRF token"
    return found.group(1)


def _kept_by(browser: Any) -> dict[str, Any]:
    """What the browser's session holds, read without opening a page or touching it."""
    sessions = browser.application.session_interface
    cookie = browser.get_cookie(sessions.get_cookie_name(browser.application))
    return sessions.get_signing_serializer(browser.application).loads(cookie.value) if cookie else {}  # type: ignore[no-any-return]


def _keep(browser: Any, held: dict[str, Any]) -> None:
    """Let the browser's session hold this."""
    sessions = browser.application.session_interface
    signed = sessions.get_signing_serializer(browser.application).dumps(held)
    browser.set_cookie(sessions.get_cookie_name(browser.application), signed)

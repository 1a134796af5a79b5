"""What a web process loads before its first page. It is time that every start and every worker takes, so it is named
here: who needs one of these loads it in the function that does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app import kept_back
from app.views.frame.base import Screen
from tests.databases import KEYS, ROOT, Database

# Each is whole or a part: `app.tasks` stands for all modules within, but not for the empty package itself.
HEAVY = (
    # Workbooks, documents, pictures of codes, and what reads them.
    "pandas", "numpy", "openpyxl", "xlsxwriter", "python_calamine", "docx", "weasyprint", "segno", "captcha",
    "zxingcpp",
    # The queue: loaded with the first message.
    "celery", "kombu", "billiard", "amqp", "redis", "app.celery_app", "app.file_broker", "app.tasks.",
    # Others' identities, letters, other programs' interfaces.
    "authlib", "joserfc", "smtplib", "requests", "httpx",
    # What is for a terminal, for operators' commands or for tests.
    "rich", "pygments", "colorama", "alembic", "flask_migrate", "gunicorn", "pytest", "unittest",
    "app.backup", "app.commands.", "app.demo", "app.supervisor",
    # What few pages ask for.
    "app.reports.bulletin.document", "app.reports.bulletin.figures",
    # What libraries load along (`app/kept_back.py`), down to what these would load.
    "limits.aio.", "referencing", "sqlalchemy.dialects.oracle", "sqlalchemy.ext.asyncio",
    "sqlalchemy_utils.functions", "PIL",
)  # fmt: skip
# Prints what is loaded after the start and after a page, and whether the late ones can be had then.
STARTS = """
import json, sys
import run
from app.kept_back import LATE, waits
loaded = lambda: [name for name in list(sys.modules) if not waits(name)]
start = loaded()
answer = run.app.test_client().get("/login/")
page = loaded()
late = [name for name in LATE if name in sys.modules]
# Parts before their packages.
for name in sorted(late, reverse=True):
    hasattr(sys.modules[name], "what it has not")
then = loaded()
print(json.dumps([answer.status_code, start, page, late, then]))
"""


@pytest.fixture(scope="module")
def told(
    db_kind: str, databases: dict[str, Database], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    database = databases[db_kind]
    database.renew(inhabited=False)
    data = str(tmp_path_factory.mktemp("start"))
    environment = {**os.environ, "DATABASE_URL": database.url, "DATA_DIR": data, **KEYS}
    ended = subprocess.run(
        [sys.executable, "-c", STARTS], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return dict(zip(("status", "start", "page", "late", "then"), json.loads(ended.stdout), strict=True))


def within(loaded: list[str], name: str) -> list[str]:
    """Those of the loaded modules that are `name` or parts of it; with a dot at its end, its parts alone."""
    whole = [] if name.endswith(".") else [name]
    return [one for one in loaded if one in whole or one.startswith(name.rstrip(".") + ".")]


@pytest.mark.parametrize("name", HEAVY)
def test_a_start_and_a_first_page_do_without(told: dict[str, Any], name: str) -> None:
    assert told["status"] == 200
    assert within(told["page"], name) == []


def test_what_is_loaded_late_is_not_touched_and_can_be_had(told: dict[str, Any]) -> None:
    """A name that nobody loads any more is to be taken from the list."""
    assert set(told["late"]) == kept_back.LATE
    assert not kept_back.LATE & set(told["page"])
    assert set(told["then"]) >= kept_back.LATE


def test_a_first_page_loads_next_to_nothing_that_a_start_did_not(told: dict[str, Any]) -> None:
    """Work that only moves from the start to the first page is no gain: each worker would do it before somebody."""
    more = set(told["page"]) - set(told["start"])
    assert not {name for name in more if name.startswith("app.")}
    assert len(more) < 20, sorted(more)


def test_columns_are_declared_by_types_and_not_by_their_text() -> None:
    """SQLAlchemy compiles a text once a column and start: see `app/models/__init__.py`."""
    wrong = [
        path.name for path in sorted((ROOT / "app" / "models").glob("*.py"))
        if "Mapped[" in (text := path.read_text(encoding="utf-8")) and "from __future__ import annotations" in text
    ]  # fmt: skip
    assert not wrong, wrong


def test_a_library_is_absent_only_while_another_is_loaded() -> None:
    sys.modules.pop("colorsys", None)
    with kept_back.without("colorsys", "json"), pytest.raises(ImportError):
        import colorsys  # noqa: F401 - is not to be found
    import colorsys as found

    # What is there already stays; what comes later is found again.
    assert (found.__name__, sys.modules["json"]) == ("colorsys", json)


def test_late_modules_are_found_as_usual() -> None:
    found = kept_back._Late.find_spec("jsonschema")
    assert found is not None
    assert found.loader is not None
    assert kept_back._Late.find_spec("json") is None


def test_flask_appbuilder_makes_nothing_of_a_lists_own(_application: Any) -> None:
    """No form, filter or label for what a list never shows; and it still finds each page of the list."""
    screens = [view for view in _application.appbuilder.baseviews if isinstance(view, Screen)]
    assert len(screens) > 50
    for screen in screens:
        pages = {n for n in dir(type(screen)) if hasattr(vars_of(type(screen)).get(n), "_urls")}
        assert pages <= {*dir(screen)}
        assert pages == {r.endpoint.partition(".")[2] for r in _application.url_map.iter_rules()
                         if r.endpoint.startswith(f"{type(screen).__name__}.")} - {"static"}  # fmt: skip
        assert not {"search_form", "add_form", "edit_form", "_filters", "label_columns"} & {*vars(screen)}


def vars_of(kind: type) -> dict[str, Any]:
    """The attributes of a class and its bases, the nearest first, without asking them."""
    return {name: value for one in reversed(kind.__mro__) for name, value in vars(one).items()}


def test_a_library_that_waits_is_absent_too_while_another_is_loaded() -> None:
    assert not kept_back.waits("json")
    waiting = ModuleType("tian_waits")
    kept_back._Waiting(SourceFileLoader("tian_waits", "")).exec_module(waiting)
    sys.modules["tian_waits"] = waiting
    try:
        assert kept_back.waits("tian_waits")
        with kept_back.without("tian_waits"), pytest.raises(ImportError):
            import tian_waits  # type: ignore[import-not-found] # noqa: F401 - is not to be found
        assert sys.modules["tian_waits"] is waiting
        assert not hasattr(waiting, "__path__")
        assert kept_back.waits("tian_waits")
    finally:
        del sys.modules["tian_waits"]


def test_threads_that_touch_a_late_module_at_once_all_find_it_whole(tmp_path: Path) -> None:
    source = tmp_path / "tian_slow.py"
    source.write_text("import time\nfirst = 1\nbegan.set()\ngo.wait(20)\nlast = 2\nseen.append(__name__)\n")
    slow: Any = ModuleType("tian_slow")
    began, go, seen = threading.Event(), threading.Event(), list[str]()
    vars(slow).update(began=began, go=go, seen=seen)
    kept_back._Waiting(SourceFileLoader("tian_slow", str(source))).exec_module(slow)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(lambda: slow.last)
        assert began.wait(20)
        other = pool.submit(lambda: slow.last)
        go.set()
        assert (one.result(20), other.result(20)) == (2, 2)
    assert seen == ["tian_slow"]
    with pytest.raises(AttributeError, match="has no attribute 'none'"):
        _ = slow.none

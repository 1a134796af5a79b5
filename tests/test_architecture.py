"""The house's structure, read from the source itself: who imports whom, one clock, one place that moves states."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
LONGEST_FILE = 450

# A layer may import itself and those named. Wiring (factory, celery_app, extensions) may import anything.
BASE = {
    "errors", "wording", "rules", "policy", "clock", "collector", "driver", "extensions", "vault", "scanner", "scratch",
    "picture_reader",
    "picture_faults",
    "code_reader",
    "plurals", "targets", "telling", "done_again", "http_lines",
}  # fmt: skip
CORE = BASE | {"models", "permissions", "scope", "transaction", "direct_rows", "reference"}
LISTS = {"listing", "listings", "lookups", "search"}
OUTER = CORE | LISTS | {"workflows", "reports", "imports", "oidc", "handbook"}
ALLOWED: dict[str, set[str]] = {
    "wording": set(),
    # Sentences in somebody's language, by the catalogues.
    "telling": {"wording"},
    # Words that follow numbers, in the catalogues' languages.
    "plurals": set(),
    "errors": {"wording"},
    "clock": set(),
    "vault": set(),
    # The protocol of signing in by an identity of outside.
    "oidc": {"clock", "http_lines", "wording"},
    # Whoever asks somebody outside.
    "http_lines": set(),
    "scanner": {"wording"},
    # The program that reads the text of pictures.
    "picture_reader": {"rules"},
    # The library that reads codes in pictures.
    "code_reader": {"picture_faults", "rules"},
    "picture_faults": set(),
    "scratch": set(),
    "done_again": set(),
    "collector": set(),
    "targets": {"errors", "wording"},
    "rules": {"errors", "wording"},
    "policy": {"errors", "rules", "wording"},
    "models": BASE,
    "verbs": set(),
    "permissions": BASE | {"models", "verbs"},
    "scope": BASE | {"models", "permissions"},
    # Past SQLAlchemy's way to the driver.
    "prepared": {"driver"},
    "transaction": BASE | {"models", "permissions", "prepared", "scope"},
    "direct_rows": {"prepared", "transaction"},
    "workflows": CORE,
    # What lists, choices and exports share: declarations above the models, below whoever shows them.
    "search": BASE | {"models"},
    "listing": CORE | {"lookups", "search"},
    "listings": CORE | {"listing", "search", "workflows"},
    "lookups": CORE | {"search"},
    # How each thing is done, by what one may do.
    "handbook": {"verbs"},
    "reports": CORE | LISTS,
    # Checking asks the same questions as the forms, importing calls the same verbs.
    "imports": CORE | {"workflows"},
    # Reads and writes tables as they stand; knows of the product's files and of the audit's chain.
    "backup": CORE | {"workflows"},
    "views": OUTER,
    "api": OUTER | {"views"},
    "field": OUTER | {"views"},
    "ops": OUTER | {"views"},
    "tasks": OUTER,
    # Senders of the outbox: what leaves the house.
    "channels": CORE | {"workflows"},
    "cli": {"commands"},
    # flask sync-roles writes down which screens there are.
    "commands": OUTER | {"views", "demo", "backup", "channels"},
    "demo": OUTER,
}
# Folders by subject within a layer: a module imports from its own and from those named before it, so there is no circle
# between folders. `kinds` names modules of later ones by their names, as an application's kind decides.
SUBJECTS: dict[str, tuple[str, ...]] = {
    "workflows": (
        "core", "files", "access", "approval", "people", "papers", "contracts", "maintenance", "inspection",
        "on_site", "repair", "visits", "filing", "handover", "rescue", "public", "scores", "oversight", "partners",
        "privacy", "desk",
    ),
    "views": (
        "frame", "access", "approval", "repair", "oversight", "maintenance", "safety", "people", "partners", "registry",
        "scores", "data", "home",
    ),
}  # fmt: skip
FRAMEWORKS = {"flask", "flask_appbuilder", "flask_babel", "flask_admin", "flask_login", "celery", "werkzeug"}
# Pure layers: nothing but the standard library (and what ALLOWED names).
PURE = {"errors", "wording", "plurals", "clock", "rules"}
STATUS_NAMES = {"status", "filing_state", "state"}
# A queue's own bookkeeping is no status of a business row.
MOVERS = {"app/workflows/core/moves.py"}
QUEUES = {
    "app/models/job.py",
    "app/models/notification.py",
    "app/workflows/core/jobs.py",
    "app/workflows/core/outbox.py",
    "app/workflows/people/real_names.py",
    "app/workflows/visits/face_checks.py",
    "app/tasks/jobs.py",
    "app/tasks/outbox.py",
    "app/imports/batches.py",
    "app/imports/undoing.py",
    "app/imports/writing.py",
    "app/imports/writing_since.py",
}
BAD_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?)(_|$)")
CLASS = re.compile(r"\s*class (\w+)")
BAD_CLASS = re.compile(r"(Utils?|Helpers?|Manager)$")
# Flask-AppBuilder prescribes this one.
CLASSES_NAMED_BY_OTHERS = {"SecurityManager"}


def python_files(folder: Path = APP) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)


def tracked_files() -> list[Path]:
    """Files that are or would be in the repository; a source archive without git holds nothing else anyway."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    hidden = {".venv", "instance", "build", "node_modules"}
    return [p for p in ROOT.rglob("*") if p.is_file() and not hidden & set(p.relative_to(ROOT).parts)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


@dataclass
class Facts:
    """What the rules ask of a source file, each with its line."""

    imports: list[tuple[int, str]] = field(default_factory=list)
    for_types: list[tuple[int, str]] = field(default_factory=list)
    times: list[tuple[int, str]] = field(default_factory=list)
    statuses: list[tuple[int, str]] = field(default_factory=list)
    nears: list[tuple[int, str]] = field(default_factory=list)


@cache
def facts_of(path: Path) -> Facts:
    """Each file is parsed once for all rules, and its tree let go."""
    facts = Facts()
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"), name_of(path))))
    package = path.relative_to(ROOT).parts[:-1]
    ignored = {below for node in nodes if is_for_types(node) for below in ast.walk(node)}
    for node in nodes:
        (facts.for_types if node in ignored else facts.imports).extend(imports_in(node, package))
        if isinstance(node, ast.Call) and asks_for_the_time(node):
            facts.times.append((node.lineno, ast.unparse(node)))
        facts.statuses += statuses_set_in(node)
        if isinstance(node, ast.Call | ast.Subscript) and asked_by_who_looks(node):
            facts.nears.append((node.lineno, ast.unparse(node)))
    return facts


def is_for_types(node: ast.AST) -> bool:
    """What is imported for type checking alone binds nothing."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports_in(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Every imported module by its full dotted name."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield node.lineno, alias.name
    elif isinstance(node, ast.ImportFrom):
        start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
        module = ".".join(part for part in (start, node.module) if part)
        if module == "app":
            for alias in node.names:
                yield node.lineno, f"app.{alias.name}"
        else:
            yield node.lineno, module


def asks_for_the_time(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in {"today", "now", "utcnow"}:
        return False
    asked = ast.unparse(call.func.value).split(".")[-1]
    return asked == "datetime" or (asked == "date" and call.func.attr == "today")


@pytest.mark.parametrize("layer", sorted(ALLOWED))
def test_imports_point_inward(layer: str) -> None:
    allowed, wrong = ALLOWED[layer], []
    files = [path for path in python_files() if layer_of(path) == layer]
    assert files, f"{layer} is no layer any more"
    for path in files:
        for line, module in facts_of(path).imports:
            top, _, rest = module.partition(".")
            target = rest.split(".")[0]
            if top == "app" and target and target != layer and target not in allowed:
                wrong.append(f"{name_of(path)}:{line} {layer} may not import {module}")
            if layer == "workflows" and top in FRAMEWORKS:
                wrong.append(f"{name_of(path)}:{line} workflows know no {top}")
            if layer in PURE and top != "app" and not is_standard(top):
                wrong.append(f"{name_of(path)}:{line} {layer} may import the standard library only, not {top}")
            if top == "pandas" and layer not in {"reports"}:
                wrong.append(f"{name_of(path)}:{line} pandas belongs to reports")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("layer", SUBJECTS)
def test_folders_of_a_layer_stand_in_order(layer: str) -> None:
    order = SUBJECTS[layer]
    assert {p.parent.name for p in (APP / layer).glob("*/__init__.py")} == set(order)
    assert [p.name for p in (APP / layer).glob("*.py")] == ["__init__.py"], "a module stands in a folder by subject"
    wrong = [
        f"{name_of(path)}:{line} {path.parent.name} may not import {module}"
        for path in python_files(APP / layer)
        for line, module in facts_of(path).imports
        if path.parent.name in order
        and module.startswith(f"app.{layer}.")
        and order.index(module.split(".")[2]) > order.index(path.parent.name)
    ]
    assert not wrong, "\n".join(wrong)


def is_standard(module: str) -> bool:
    return module in sys.stdlib_module_names


def test_no_module_of_ours_is_imported_for_its_types_alone() -> None:
    """It would be one that imports this one, too: a circle that the order of layers and folders does not see."""
    wrong = [
        f"{name_of(path)}:{line} imports {module} for types alone: what both know of belongs below them"
        for path in python_files() for line, module in facts_of(path).for_types if module.split(".")[0] == "app"
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


def test_only_the_clock_asks_for_the_time() -> None:
    wrong = [
        f"{name_of(path)}:{line} {found}: take it from app.clock or as an argument"
        for path in [*python_files(), ROOT / "config.py", ROOT / "run.py"]
        if path != APP / "clock.py"
        for line, found in facts_of(path).times
    ]
    assert not wrong, "\n".join(wrong)


def edited_files() -> list[Path]:
    """Migrations are written once and never edited."""
    return [path for path in python_files() if "versions" not in path.parts]


def test_no_file_grew_too_long() -> None:
    wrong = [
        f"{name_of(path)} has {lines} lines; split it where its name stops being true"
        for path in edited_files()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST_FILE
    ]
    assert not wrong, "\n".join(wrong)


def test_only_moves_change_a_status() -> None:
    """Neither by assignment, nor by setattr, nor by a bulk UPDATE; making a new row with its first state is fine."""
    wrong = [
        f"{name_of(path)}:{line} {found}"
        for path in edited_files()
        if name_of(path) not in MOVERS | QUEUES
        for line, found in facts_of(path).statuses
    ]
    assert not wrong, "only workflows/core/moves.py changes a status:\n" + "\n".join(wrong)


def statuses_set_in(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in (part for t in targets for part in ast.walk(t)):
            named = isinstance(target, ast.Attribute) and target.attr in STATUS_NAMES
            if named and ast.unparse(target.value) != "self":
                yield node.lineno, ast.unparse(target)
    if isinstance(node, ast.Call):
        for found in statuses_set_by(node):
            yield node.lineno, found


def statuses_set_by(call: ast.Call) -> Iterator[str]:
    """`setattr(x, "status", …)` and `update(Business).values(status=…)`; a job's or message's update is its own."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "setattr" and len(call.args) > 1:
        second = call.args[1]
        if isinstance(second, ast.Constant) and second.value in STATUS_NAMES:
            yield ast.unparse(call)
    if name == "values" and isinstance(call.func, ast.Attribute):
        source = ast.unparse(call.func.value)
        if "update(" in source and not re.search(r"update\((Job|Outbox|Notification|Batch)\w*\b", source):
            for keyword in call.keywords:
                if keyword.arg in STATUS_NAMES:
                    yield f"{source}.values({keyword.arg}=…)"


# How many days ahead, and how many are near: of the region in which the elevator stands, the contract, the person.
OF_THE_ROW = re.compile(r"\bKey\.(HORIZON|NEAR)_")
WHO_ASKS = re.compile(r"\bactor(\(\))?\.region_code$")


def asked_by_who_looks(node: ast.AST) -> bool:
    """`policy_value(s, Key.NEAR_…, actor.region_code, on)`, `policy_book(s, actor.region_code, on)[Key.NEAR_…]`, and
    what else is given both."""
    if isinstance(node, ast.Call):
        asked = [ast.unparse(given) for given in (*node.args, *(one.value for one in node.keywords))]
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
        asked = [ast.unparse(given) for given in (node.slice, *node.value.args)]
    else:
        return False
    return any(OF_THE_ROW.match(one) for one in asked) and any(WHO_ASKS.search(one) for one in asked)


def test_what_is_near_goes_by_the_row() -> None:
    """A firm's elevators stand in more districts than its own: by that one phone, desk and the night would differ.

    One criterion each, over the row's region: `orders.within_horizon`, `standing.due_soon`.
    """
    wrong = [f"{name_of(path)}:{line} {found}" for path in edited_files() for line, found in facts_of(path).nears]
    assert not wrong, "\n".join(wrong)
    for text, found in {
        "policy_value(s, Key.NEAR_CONTRACT_DAYS, m.actor.region_code, on)": True,
        "policy_value(s, key=Key.HORIZON_DAYS, region_code=actor().region_code, on=on)": True,
        "policy_book(s, g.actor.region_code, on)[Key.NEAR_CERTIFICATE_DAYS]": True,
        "policy_value(s, Key.NEAR_CONTRACT_DAYS, row.region_code, on)": False,
        "policy_value(s, Key.SUPPORT_CONTACT, actor.region_code, on)": False,
    }.items():
        assert asked_by_who_looks(ast.parse(text, mode="eval").body) is found, text


def test_no_module_or_class_of_everything() -> None:
    wrong = []
    for path in [*python_files(), *python_files(ROOT / "tests"), *python_files(ROOT / "bench")]:
        parts = [part.removesuffix(".py") for part in path.relative_to(ROOT).parts]
        if any(BAD_NAMES.search(part) for part in parts):
            wrong.append(name_of(path))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            named = CLASS.match(line)
            if named and BAD_CLASS.search(named[1]) and named[1] not in CLASSES_NAMED_BY_OTHERS:
                wrong.append(f"{name_of(path)}:{number} class {named[1]}")
    assert not wrong, "name it after what it does: " + ", ".join(wrong)


# Written apart, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.$}/-])/(?:" + "work|root|home/\\w+" + r")/[\w.]"),
    "an address of a package registry": re.compile(
        "|".join([r"pypi\." + "org", r"files\.python" + "hosted", r"registry\.npm" + r"js", "tuna" + r"\.tsinghua"])
    ),
    "an option naming a registry": re.compile("--(?:extra-)?index" + r"-url\s*=?\s*\S*:"),
    "a private key": re.compile("BEGIN (?:RSA |EC )?PRIVATE" + " KEY"),
}
BINARY = {".png", ".jpg", ".ico", ".gif", ".webp", ".woff", ".woff2", ".ttf", ".otf", ".xlsx", ".xls", ".pdf", ".db"}


def test_the_tree_names_no_machine_and_no_registry() -> None:
    wrong = []
    for path in tracked_files():
        if path.suffix.lower() in BINARY:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for what, pattern in FORBIDDEN.items():
            for found in pattern.finditer(text):
                line = text.count("\n", 0, found.start()) + 1
                wrong.append(f"{name_of(path)}:{line} {what}: {found.group()}")
    assert not wrong, "\n".join(wrong)


# Characters that change how text reads without being seen.
HIDDEN = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x2060]
INVISIBLE = re.compile("[" + "".join(map(chr, HIDDEN)) + "]")


def test_no_invisible_characters() -> None:
    wrong = [
        f"{name_of(path)}: U+{ord(found.group()):04X}"
        for path in tracked_files()
        if path.suffix in {".py", ".html", ".js", ".css", ".toml", ".md", ".sh", ".po"}
        for found in INVISIBLE.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_task_module_is_listed() -> None:
    from app.tasks import MODULES

    there = {f"app.tasks.{p.stem}" for p in (APP / "tasks").glob("*.py") if p.stem != "__init__"}
    assert there == set(MODULES)


# A drawing is one path, and a sentence is one text: neither can be broken.
ONE_TEXT = re.compile(r"_\('[^']{60,}'")
LONG_LINES = {"icons.html"}


def test_a_line_of_a_template_can_be_read() -> None:
    """At most 140 characters, sentences apart."""
    folder = APP / "templates" / "ta"
    long = [
        f"{file.relative_to(folder)}:{number} ({len(line)})"
        for file in sorted(folder.rglob("*.html"))
        if str(file.relative_to(folder)) not in LONG_LINES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if len(ONE_TEXT.sub("", line)) > 140
    ]
    assert not long, "\n".join(long)

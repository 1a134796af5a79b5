"""deploy/: what it names exists, and its commands really bring the product up on PostgreSQL and Redis."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from sqlalchemy.orm import Session

import config
from tests.databases import KEYS, ROOT, open_vault
from tests.factories import PASSWORD, World
from tests.services import end_process, free_port

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OURS = ("setup", "web", "worker", "urgent", "beat")
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:[-?][^}]*)?\}")
# What the product itself never reads: the other images' and compose's own.
OTHERS = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "CERTIFICATES", "HTTP_PORT", "HTTPS_PORT", "TIAN_VERSION"}
OF_WORKER = {"WORKER_PROCESSES"}


def read_by_product() -> set[str]:
    """Every variable that the product's code asks for."""
    files = [ROOT / "config.py", DEPLOY / "gunicorn.conf.py"]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    asking = r"(?:environ(?:\.get|\.setdefault)?[(\[]|\b(?:text|several|whole|decimal|flag|one_of)\()"
    return set(re.findall(asking + r"['\"]([A-Z_]+)['\"]", text))


def test_every_variable_given_is_one_that_the_product_reads() -> None:
    for name in OURS:
        assert set(COMPOSE["services"][name]["environment"]) <= read_by_product()


def test_the_example_names_every_variable_once_and_every_secret_is_asked_for() -> None:
    lines = (DEPLOY / "compose.yaml").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    used: dict[str, str] = dict(VARIABLE.findall(text))
    example = dict(
        line.split("=", 1) for line in (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )  # fmt: skip
    assert set(example) == set(used)
    for name, tail in used.items():
        secret = re.search("KEY|PASSWORD|TOKEN", name)
        assert not secret or (tail.startswith(":?") and example[name] == ""), f"{name} has a default"
    assert set(used) - OTHERS - OF_WORKER <= read_by_product()


def test_what_leads_outside_is_passed_on_and_named_once() -> None:
    """Gateways and identities are optional: a file of its own, whose example names all that the product reads."""
    for name in OURS:
        assert COMPOSE["services"][name]["env_file"] == [{"path": "outside.env", "required": False}]
    lines = (DEPLOY / "outside.env.example").read_text(encoding="utf-8").splitlines()
    named = [m[1] for line in lines if (m := re.fullmatch(r"#?([A-Z_]+)=(?:[^ ].*)?", line))]
    assert len(named) == len(set(named))
    identities = {name for name in named if name.startswith("OIDC_") and name != "OIDC_PROVIDERS"}
    assert set(named) - identities <= read_by_product()
    fields = {name.split("_", 2)[2].lower() for name in identities}
    assert fields == set(config.OIDC_FIELDS)
    ways_out = "SMS_|REAL_NAME|FACE|SMTP|MAIL_|DINGTALK|OIDC|SCANNER|WEBHOOK"
    outside = {name for name in read_by_product() if re.match(ways_out, name)}
    assert outside <= set(named), "the compose file would pass these on to nobody"
    # Empty is as good as absent: a copied example starts.
    given = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert not [name for name, value in given.items() if re.search("SECRET|PASSWORD|URL", name) and value]
    for ignored in (".gitignore", ".dockerignore"):
        assert "deploy/outside.env" in (ROOT / ignored).read_text(encoding="utf-8")


def test_what_depends_and_is_mounted_is_there() -> None:
    services, volumes = COMPOSE["services"], set(COMPOSE["volumes"])
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in volumes or source.startswith("${") or (DEPLOY / source).is_file(), volume
        assert service.get("healthcheck") or service is services["setup"] or service is services["proxy"]
        # Nothing but the proxy is reached from outside.
        assert "ports" not in service or service is services["proxy"]
    # It asks once where web is: a web that was made anew at another address would be looked for at the old one.
    assert services["proxy"]["depends_on"]["web"]["restart"] is True
    assert re.search(r"server web:(\d+);", (DEPLOY / "nginx.conf").read_text())[1] == "8080"  # type: ignore[index]
    assert services["web"]["environment"]["PORT"] == "8080"


def test_the_image_holds_what_its_file_names() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    for name in [*re.findall(r"(?:scripts|deploy)/[\w.]+", text), "requirements.txt"]:
        assert (ROOT / name).is_file(), name
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", "deploy/.env", "instance"} <= set(ignored)
    assert "USER tian" in text


@contextmanager
def running(service: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A service's own command from the compose file, with its defaults, on this machine's folders."""
    text = VARIABLE.sub(lambda m: (m[2] or "").removeprefix(":-"), COMPOSE["services"][service]["command"])
    words = shlex.split(text.replace("/data", environment["DATA_DIR"]))
    with (Path(environment["DATA_DIR"]) / f"{service}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        end_process(process.pid, signal.SIGTERM, patience=40)


def health(url: str, *parts: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DEPLOY / "healthcheck.py"), f"{url}/health", *parts]
    return subprocess.run(command, capture_output=True, text=True)


def test_its_commands_bring_the_product_up_on_postgresql_and_redis(
    databases: Any, redis_url: str, tmp_path: Path
) -> None:
    database = databases["postgresql"]
    database.renew()
    open_vault()
    with Session(database.engine) as session:
        login = World(session).accounts["region_admin"].username
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = COMPOSE["services"]["web"]["environment"]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"},
        **{name: VARIABLE.sub(lambda m: (m[2] or "").removeprefix(":-"), value) for name, value in given.items()},
        "DATABASE_URL": database.url, "CELERY_BROKER_URL": redis_url, "CELERY_RESULT_BACKEND": redis_url,
        "DATA_DIR": str(tmp_path), "HOST": "127.0.0.1", "PORT": str(port), "SECRET_KEY": "for this test alone",
        **KEYS, "METRICS_TOKEN": "token", "HTTPS": "0",
        "FLASK_APP": "run.py", "SECOND_FACTOR_FOR": "none",
    }  # fmt: skip

    def said() -> str:
        return "\n".join(f"{file.name}\n{file.read_text()[-1500:]}" for file in tmp_path.glob("*.log"))

    assert health(url, "database").returncode == 1
    with ExitStack() as stack:
        for service in ("web", "worker", "urgent", "beat"):
            stack.enter_context(running(service, environment))
        until(lambda: answers(url), said)
        assert health(url, "database", "migrations", "broker", "worker", "beat").returncode == 0
        until(lambda: health(url, "urgent").returncode == 0, said)
        missing = health(url, "nobody")
        assert missing.returncode == 1 and "nobody" in missing.stdout
        browser = requests.Session()
        page = browser.get(f"{url}/login/")
        form = {"username": login, "password": PASSWORD, "csrf_token": csrf(page)}
        assert browser.post(f"{url}/login/", data=form, allow_redirects=False).status_code == 302
        asked = browser.post(
            f"{url}/jobs/schedule", data={"on": "2026-03-01", "csrf_token": csrf(browser.get(f"{url}/profile/"))},
            headers={"X-Request-Id": "a-night-by-hand"}, allow_redirects=False,
        )  # fmt: skip
        assert asked.status_code == 302, asked.text
        # The worker's lines name the request that asked for the work.
        worker = tmp_path / "worker.log"
        until(lambda: [line for line in lines(worker, "a-night-by-hand") if "starts" in line], said)
        told = requests.get(f"{url}/metrics", headers={"Authorization": "Bearer token"})
        assert 'tian_requests_total{method="POST",route="/login/",status="302"} 1.0' in told.text
        assert requests.get(f"{url}/metrics").status_code == 404
    for file in tmp_path.glob("*.log"):
        assert "Traceback" not in file.read_text(), said()


@pytest.mark.parametrize("given", [True, False])
def test_the_folder_of_counts_goes_with_the_start_that_made_it(
    given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "counts"
    theirs.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(theirs))
    if not given:
        monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    # Settings are read again where they are told to be.
    for _time in range(2):
        settings = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))
    made = [folder for folder in tmp_path.iterdir() if folder != theirs]
    assert len(made) == (0 if given else 1)
    settings["on_exit"](None)
    assert [folder for folder in tmp_path.iterdir() if folder.is_dir()] == [theirs]


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def lines(file: Path, text: str) -> list[str]:
    return [line for line in file.read_text().splitlines() if text in line]


def csrf(answer: requests.Response) -> str:
    found = re.search(r'name="csrf[-_]token"[^>]*(?:value|content)="([^"]+)"', answer.text)
    assert found
    return found[1]


def until(holds: Any, said: Any) -> None:
    end = time.monotonic() + 150
    while not holds():
        assert time.monotonic() < end, said()
        time.sleep(0.2)


def test_the_proxy_speaks_good_tls_only() -> None:
    conf = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    said = {m[1]: m[2] for m in re.finditer(r"^ *(ssl_\w+|server_tokens) +(.+);", conf, re.MULTILINE)}
    assert said["ssl_protocols"] == "TLSv1.2 TLSv1.3" and said["server_tokens"] == "off"
    # Forward secrecy, and a cipher that authenticates what it hides.
    assert all(re.fullmatch(r"ECDHE-.*(GCM-SHA\d+|POLY1305)", name) for name in said["ssl_ciphers"].split(":"))
    assert 'Strict-Transport-Security "max-age=31536000; includeSubDomains" always' in conf
    # Programs are not led on from HTTP; the proxy's own /metrics is nobody's.
    plain = conf.split("listen 443")[0]
    assert re.search(r"location /api/ \{[^}]*return 403", plain) and "location = /metrics" in conf


def test_containers_have_no_right_that_they_need_not() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")


@pytest.mark.parametrize("name", ["HTTPS", "PROXIES"])
def test_behind_the_proxy_addresses_and_cookies_are_the_outer_ones(name: str) -> None:
    assert COMPOSE["services"]["web"]["environment"][name] == "1"
    conf = (DEPLOY / "nginx.conf").read_text()
    assert "X-Forwarded-For   $remote_addr" in conf and "$proxy_add_x_forwarded_for" not in conf

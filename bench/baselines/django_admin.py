"""Django's admin, tuned as its documentation advises: related rows joined, no second count."""

from __future__ import annotations

import sys
from typing import Any

import django
from django.conf import settings
from sqlalchemy.engine import make_url

from bench.baselines.register import COLUMNS
from bench.baselines.timing import tell


def configure(url: str) -> None:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        database: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": parsed.database}
    else:
        database = {
            "ENGINE": "django.db.backends.postgresql", "NAME": parsed.database, "USER": parsed.username,
            "HOST": parsed.host, "PORT": parsed.port, "CONN_MAX_AGE": None,
        }  # fmt: skip
    contrib, middle, processor = "django.contrib.", "django.contrib.{}Middleware", "django.{}.context_processors.{}"
    settings.configure(
        DEBUG=False, SECRET_KEY="only for the bench, only for the bench", ALLOWED_HOSTS=["*"], USE_TZ=False,
        DATABASES={"default": database}, ROOT_URLCONF=__name__, STATIC_URL="/s/",
        INSTALLED_APPS=[contrib + name for name in ("admin", "auth", "contenttypes", "sessions", "messages")],
        MIDDLEWARE=[
            middle.format("sessions.middleware.Session"), "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware", middle.format("auth.middleware.Authentication"),
            middle.format("messages.middleware.Message"),
        ],
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": [
                processor.format("template", "request"), processor.format("contrib.auth", "auth"),
                processor.format("contrib.messages", "messages"),
            ]},
        }],
    )  # fmt: skip
    django.setup()


urlpatterns: list[Any] = []


def main(url: str) -> None:
    configure(url)
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections, connection, models
    from django.test import Client
    from django.urls import path

    class Region(models.Model):
        name = models.CharField(max_length=60)

        class Meta:
            app_label, db_table, managed = "auth", "region", False

        def __str__(self) -> str:
            return str(self.name)

    class Unit(models.Model):
        name = models.CharField(max_length=120)

        class Meta:
            app_label, db_table, managed = "auth", "unit", False

        def __str__(self) -> str:
            return str(self.name)

    class Elevator(models.Model):
        code = models.CharField(max_length=20)
        address = models.CharField(max_length=200)
        region = models.ForeignKey(Region, models.DO_NOTHING)
        use_unit = models.ForeignKey(Unit, models.DO_NOTHING, null=True, related_name="+")
        maintenance_unit = models.ForeignKey(Unit, models.DO_NOTHING, null=True, related_name="+")
        status = models.CharField(max_length=10)
        next_inspection_on = models.DateField(null=True)
        is_secret = models.BooleanField()

        class Meta:
            app_label, db_table, managed = "auth", "elevator", False

    class Elevators(admin.ModelAdmin):  # type: ignore[type-arg]
        list_display = COLUMNS
        list_per_page = 25
        search_fields = ("address", "code")
        show_full_result_count = False
        list_select_related = ("region", "use_unit", "maintenance_unit")

    admin.site.register(Elevator, Elevators)
    urlpatterns.append(path("admin/", admin.site.urls))
    call_command("migrate", verbosity=0)
    user = User.objects.filter(username="bench").first() or User.objects.create_superuser("bench", "", "bench")
    client = Client()
    client.force_login(user)
    # The test client would close the connection after each page, which a server does not.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    asked = [0]

    def note(execute: Any, sql: Any, parameters: Any, many: Any, context: Any) -> Any:
        asked[0] += 1
        return execute(sql, parameters, many, context)

    def get() -> None:
        answer = client.get("/admin/auth/elevator/")
        assert answer.status_code == 200, answer.status_code

    with connection.execute_wrapper(note):
        tell(get, lambda: asked[0])


if __name__ == "__main__":
    sys.modules["bench.baselines.django_admin"] = sys.modules["__main__"]
    main(sys.argv[1])

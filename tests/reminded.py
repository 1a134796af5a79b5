"""Whom the round of reminders tells of one application."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app.models import Application
from app.workflows.approval import reminders, submissions


def reminded(session: Any, application: Application, on: dt.date) -> list[int]:
    return list(reminders.Desks(session, on).of(application, secret=submissions.is_secret(session, application)))

"""The page of one record and the deeds on it: done, one is back on the record; refused, it says every reason why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect
from flask_appbuilder import BaseView

from app.views.frame.account_forms import Findings, run


class RecordPages(BaseView):
    """What such pages share. `_row` finds the record within scope, `_page` shows it; its address is its number."""

    def _row(self, pk: int) -> Any:
        raise NotImplementedError

    def _page(self, pk: int, findings: Findings) -> Any:
        raise NotImplementedError

    def _done(self, pk: int, deed: Callable[[Any], Any], said: str) -> Any:
        self._row(pk)
        done, findings, status = run(deed)
        if done is None:
            return self._page(pk, findings), status
        flash(said, "success")
        return redirect(f"{self.route_base}/{pk}")

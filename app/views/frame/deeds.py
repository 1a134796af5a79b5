"""Deeds that the lists of several areas offer to their ticked rows."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.permissions import Verb
from app.views.frame.base import Deed

# Ticked elevators go along to the form of a new contract, which binds them.
NEW_CONTRACT = Deed(
    "contract", _l("新增合同"), Verb.CONTRACT_EDIT, lambda *_: None, leads="ContractPages.new", entity="elevator"
)

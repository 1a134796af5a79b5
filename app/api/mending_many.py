"""`/api/v1/applications/batches/<batch>`: 整批补正 as at the desk: what was returned, then sent again by a job."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api.applying_many import MOST_FILES, said_of
from app.api.base import Resource, actor, answers, body
from app.api.reading import keys, texts, words
from app.errors import refuse
from app.extensions import db
from app.models import Elevator, Job
from app.permissions import Verb
from app.rules.lifecycle import ApplicationKind
from app.telling import language
from app.transaction import transaction
from app.views.approval import many_forms
from app.views.frame import screens
from app.views.frame.told import told
from app.workflows.core import jobs
from app.workflows.desk import mend_many

# So long is a digest in hexadecimal.
DIGEST = 64


class MendManyApi(Resource):
    """What an officer returned of a batch, put right once for all of them."""

    resource_name = "applications"
    openapi_spec_tag = "Applications"

    @answers("/batches/<int:batch>/returned", "GET")
    def returned(self, batch: int) -> Any:
        """Give how many of a batch stand returned, what officers said of how many, and the files they have alike.
        ---
        get:
          summary: 同一批申请里退回补正的：件数、意见、材料，以及重新提交时要带回的 seen
          gives: {200: ReturnedApplications}
        """
        found = _found(batch)
        return jsonify(
            batch=batch, kind=found.one.kind, count=len(found.seen), seen=found.digest,
            opinions=[{"opinion": text, "count": n} for text, n in found.opinions],
            papers=[
                {"sha256": one.sha256, "name": one.name, "size": one.size, "count": one.count}
                for one in found.papers[: mend_many.MOST_PAPERS]
            ],
            more_papers=max(0, len(found.papers) - mend_many.MOST_PAPERS),
        )  # fmt: skip

    @answers("/batches/<int:batch>/mend", "POST", once=True)
    def mend(self, batch: int) -> Any:
        """Put all that stand returned right in one go; a job sends each again, by the rules of a single one.
        ---
        post:
          summary: 整批补正：改正后由后台逐件重新提交；内容有变化时不提交
          takes: ApplicationsMended
          gives: {201: MendingJob}
        """
        sent = body()
        seen = words(sent, "seen", DIGEST)
        # Of what a job has sent again already less stands returned: asked again meanwhile, it is that job.
        going_on = mend_many.going_on(db.session, actor(), seen)
        if going_on is not None:
            return jsonify(_shown(jobs.of(db.session, actor(), going_on))), 201
        found = mend_many.as_asked(mend_many.returned(db.session, actor(), batch), seen)
        one: Elevator | None = found.one.elevator
        if one is None:
            raise scope.not_found(batch, "这批申请")
        own = {paper.sha256 for paper in found.papers} | {mend_many.REST}
        # As everywhere null says nothing: whoever wants none of them kept says so by an empty list.
        said_nothing = sent.get("keep") is None
        ticked = own if said_nothing else set(texts(sent, "keep", mend_many.MOST_PAPERS + 1, DIGEST))
        strange = sorted(ticked - own)
        if strange:
            remedy = "请用 returned 给出的 sha256"
            raise refuse("材料", "不是这批申请的材料", remedy, field="keep", value=strange[0])
        keep, added = mend_many.kept(found, ticked), keys(sent, "attachments", MOST_FILES)
        what = many_forms.what_of(found.one)
        with transaction(db.session) as session:
            said = said_of(session, what, sent)
            form = many_forms.understood(what, said, one, [0] * len(keep) + added, found.one.id)
            number = mend_many.enter(
                session, actor(), batch, found, form, keep, language(), clock.now(), lambda: added
            )  # fmt: skip
        return jsonify(_shown(jobs.of(db.session, actor(), number))), 201

    @answers("/batches/mending/<int:number>", "GET")
    def get(self, number: int) -> Any:
        """Give how far sending them again is, and which were not sent.
        ---
        get:
          summary: 整批补正的进度和结果
          gives: {200: MendingJob}
        """
        row = jobs.of(db.session, actor(), number)
        if row.kind != mend_many.KIND or row.created_by_id != actor().user_id:
            raise scope.not_found(number, "这次整批补正")
        return jsonify(_shown(row))


def _found(batch: int) -> mend_many.Returned:
    found = mend_many.returned(db.session, actor(), batch)
    if found is None:
        raise scope.not_found(batch, "这批申请")
    return found


def _shown(row: Job) -> dict[str, Any]:
    result = dict(row.result or {}) if row.state == "done" else {}
    return {
        "id": row.id, "batch": row.params["batch"], "kind": ApplicationKind(row.params["form"]["kind"]).value,
        "state": row.state, "done": row.done, "total": row.total, "error": row.error,
        "mended": result.get("mended"), "refused": result.get("refused"), "stopped": result.get("stopped"),
        "left": [
            {"number": number, "why": [str(told(one)) for one in why]} for number, _link, why in result.get("left", [])
        ],
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these doors."""
    for name in ("returned", "mend", "get"):
        screens.declare("MendManyApi", f"can_{name}", Verb.APPLICATION_SUBMIT)
    appbuilder.add_api(MendManyApi)

"""标牌 (ELV-07): the PDFs of many labels as a job."""

from __future__ import annotations

import zipfile
from typing import Any

from flask import current_app

from app import clock
from app.errors import refuse
from app.models.policy import policy_version
from app.reports import exports, label_sheet
from app.scratch import scratch
from app.tasks.jobs import JobContext, handles
from app.telling import speaking, told
from app.transaction import transaction
from app.wording import say
from app.workflows.core import export_records
from app.workflows.on_site import labels


@handles("labels")
def run_labels(context: JobContext) -> dict[str, Any]:
    """Params: `ids`, `size`, `address` (with TOKEN in the token's place), `language`.

    The owner's scope and the phones are asked again now; of a run that was killed nothing is left but its next try.
    """
    params, session = context.params, context.session
    size, address = params["size"], str(params["address"])
    if size not in label_sheet.SIZES:
        raise refuse("标签尺寸", "没有这种尺寸", "请重新选择后制作")
    rows = label_sheet.chosen(session, context.actor, params["ids"])
    ready = [row for row in rows if not label_sheet.lacks_phone(row)]
    if not ready:
        raise refuse("应急救援电话", "所选电梯都没有填写应急救援电话", "请先在电梯档案里填写应急救援电话")
    tokens = labels.to_print(session, [row.id for row in ready])
    shown = label_sheet.labels_of(session, ready, tokens, lambda token: address.replace("TOKEN", token))
    with scratch("labels") as folder:
        many = len(shown) > label_sheet.MOST_IN_FILE
        path = folder / ("labels.zip" if many else "labels.pdf")
        context.progress(0, len(shown), "写出")
        made = label_sheet.files(current_app.jinja_env, shown, size)
        if many:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
                for number, content in enumerate(made, 1):
                    packed.writestr(f"labels-{number:02d}.pdf", content)
                    context.progress(min(number * label_sheet.MOST_IN_FILE, len(shown)), len(shown), "写出")
        else:
            path.write_bytes(next(made))
        digest = exports.digest_of(path)
        fmt = path.suffix.lstrip(".")
        with speaking(params.get("language")), transaction(session):
            now = clock.now()
            context.attach(path, exports.file_name(told("一梯一码 标签"), now, fmt))
            policy = policy_version(session, context.actor.region_code, clock.local_day(now))
            said = say("一梯一码 标签 %(n)s 张", n=len(shown))
            export_records.keep_file(
                session, context.actor, now, label_sheet.NAME, said, digest, policy, fmt, rows=len(shown)
            )
            labels.printed(session, context.actor, [(one.elevator_id, one.token) for one in shown], now, digest)
            result = {"labels": len(shown), "without_phone": len(rows) - len(ready), "sha256": digest}
            context.finish(result)
    return result

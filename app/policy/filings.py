"""Which scans a unit's filing needs, which applications need two persons: key, meaning, default, choices."""

from __future__ import annotations

CHOICES: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "unit_licence_scan", "单位备案上报前的营业执照扫描件", "none",
        (
            ("none", "不要求"), ("warn", "维保单位没有的提醒"), ("maintenance", "维保单位须上传"),
            ("all", "各类单位须上传"),
        ),
    ),
    (
        "unit_permit_scan", "维保、安装单位备案上报前的特种设备许可证扫描件", "none",
        (("none", "不要求"), ("warn", "没有的提醒"), ("block", "须上传")),
    ),
    (
        "second_approval", "哪些申请须由两名审批人先后同意", "none",
        (
            ("none", "都不需要"), ("scrapping", "报废登记"),
            ("lasting", "报废登记、维保单位变更和变更登记"), ("all", "所有申请和备案"),
        ),
    ),
)  # fmt: skip

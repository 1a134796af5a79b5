#!/usr/bin/env python3
"""Verify an exported audit log of 梯安 offline: python3 verify_audit.py EXPORT [--heads FILE] [--days FILE] [--json]

Needs nothing but this file, Python 3.8 or newer and the export (`flask audit export`, or log.jsonl of the package
from the audit page). Whatever was changed, removed, inserted or swapped in the sealed part is found; entries that no
batch seals yet are named, not judged. A whole end cut off with its batches leaves no trace inside the export: give
digests that were kept elsewhere (--heads: "number digest" a line; --days: "day digest" a line) to find that, too.

Exit code: 0 nothing was found, 1 the log was tampered with, 2 the file can't be read.
"""

# ruff: noqa: UP031 (runs on whatever Python 3 an auditor's machine has; one plain way of writing texts)

import argparse
import hashlib
import json
import sys

GENESIS = "0" * 64
CONTENT = ("id", "at", "actor_id", "actor_name", "via", "address", "action", "entity", "entity_id", "before", "after")
BATCH = ("number", "first_id", "last_id", "count", "root", "previous", "sealed_at")
DAY = ("on", "first", "last", "batches", "entries", "root", "previous", "closed_at")
FIELDS = {
    "entry": {*CONTENT, "type", "batch", "position"},
    "batch": {*BATCH, "type", "digest"},
    "day": {*DAY, "type", "digest"},
}


def canonical(content):
    return json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def entry_digest(row):
    return hashlib.sha256(b"\x00" + canonical({name: row.get(name) for name in CONTENT})).digest()


def batch_digest(row):
    return hashlib.sha256(b"\x02" + canonical({name: row.get(name) for name in BATCH})).hexdigest()


def day_digest(row):
    return hashlib.sha256(b"\x03" + canonical({name: row.get(name) for name in DAY})).hexdigest()


def count_of(value):
    return value if isinstance(value, int) else -1


def raw(digest):
    """The bytes of a digest; one that is no digest stands for itself and fits nothing."""
    try:
        return bytes.fromhex(digest)
    except (TypeError, ValueError):
        return str(digest).encode()


def merkle_root(digests):
    level = list(digests)
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2])]  # noqa: B905
        level = pairs + level[len(pairs) * 2 :]
    return level[0].hex()


class Log:
    """What the export holds, read line by line; of an entry only its place and digest stay in memory."""

    def __init__(self):
        self.batches, self.days, self.entries, self.problems = [], [], {}, []
        self.ids, self.unsealed, self.lines = set(), [], 0

    def add_problem(self, where, what):
        self.problems.append({"where": where, "problem": what})

    def read(self, lines):
        for self.lines, line in enumerate(lines, 1):
            where = "第 %d 行" % self.lines
            try:
                row = json.loads(line)
                kind = row["type"]
                fields = FIELDS[kind]
            except (ValueError, KeyError, TypeError):
                self.add_problem(where, "读不懂这一行")
                continue
            if set(row) != fields:
                self.add_problem(where, "字段多了或少了：%s" % "、".join(sorted(set(row) ^ fields)))
            {"entry": self._entry, "batch": self.batches.append, "day": self.days.append}[kind](row)
        return self

    def _entry(self, row):
        key = row.get("id")
        if key in self.ids:
            self.add_problem("记录 %s" % key, "编号出现两次，有记录被插入")
        self.ids.add(key)
        if row.get("batch") is None:
            self.unsealed.append((key, row.get("at")))
            if row.get("position") is not None:
                self.add_problem("记录 %s" % key, "有批内位置而没有批次")
            return
        self.entries.setdefault(row["batch"], []).append((row.get("position"), key, entry_digest(row)))


def verify(log, heads=None, days=None):
    """Every problem of a log that was read; an empty list means that nothing was found."""
    heads, days = dict(heads or {}), dict(days or {})
    previous, expected = GENESIS, 1
    for batch in log.batches:
        number = batch.get("number")
        where = "第 %s 批" % number
        if number != expected:
            log.add_problem(where, "应为第 %d 批：有批次被删除、插入或调换" % expected)
        expected = number + 1 if isinstance(number, int) else expected + 1
        if batch_digest(batch) != batch.get("digest"):
            log.add_problem(where, "批次记录被改动（摘要不符）")
        if batch.get("previous") != previous:
            log.add_problem(where, "与前一批的链接断开")
        previous = batch.get("digest")
        if number in heads and heads.pop(number) != previous:
            log.add_problem(where, "与另存的摘要不符，整批被重写")
        _verify_entries(log, where, batch, log.entries.pop(number, []))
    for number, rows in sorted(log.entries.items(), key=str):
        log.add_problem("第 %s 批" % number, "%d 条记录所属的批次不存在" % len(rows))
    if heads:
        log.add_problem("第 %s 批" % max(heads), "另存的摘要中有 %d 批在导出中已不存在，末尾被截去" % len(heads))
    _verify_days(log, days)
    return log.problems


def _verify_entries(log, where, batch, rows):
    rows.sort(key=lambda row: (row[0] if isinstance(row[0], int) else 0, str(row[1])))
    count = batch.get("count")
    places = [place for place, _key, _digest in rows]
    if len(rows) != count or places != list(range(1, len(rows) + 1)):
        log.add_problem(where, "应有 %s 条，位置 1 至 %s；现有 %d 条，有记录被删除或插入" % (count, count, len(rows)))
    elif merkle_root(digest for _place, _key, digest in rows) != batch.get("root"):
        span = batch.get("first_id"), batch.get("last_id")
        log.add_problem(where, "记录的内容或顺序被改动（编号 %s 至 %s）" % span)


def _verify_days(log, kept):
    digests = {batch.get("number"): batch.get("digest") for batch in log.batches}
    counts = {batch.get("number"): batch.get("count") for batch in log.batches}
    previous, expected, last_on = GENESIS, 1, ""
    for day in log.days:
        where = "日根 %s" % day.get("on")
        if day_digest(day) != day.get("digest"):
            log.add_problem(where, "日根记录被改动（摘要不符）")
        if day.get("previous") != previous or not str(day.get("on")) > last_on:
            log.add_problem(where, "与前一日的链接断开或次序不对")
        previous, last_on = day.get("digest"), str(day.get("on"))
        numbers = range(max(count_of(day.get("first")), 0), min(count_of(day.get("last")), len(log.batches) + 1) + 1)
        if day.get("first") != expected or len(numbers) != day.get("batches"):
            log.add_problem(where, "应从第 %d 批起，共 %s 批" % (expected, day.get("batches")))
        expected = count_of(day.get("last")) + 1
        found = [digests.get(number) for number in numbers]
        if None in found:
            log.add_problem(where, "有 %d 批已不存在" % found.count(None))
        elif merkle_root(raw(digest) for digest in found) != day.get("root"):
            log.add_problem(where, "与各批的摘要不符")
        elif sum(count_of(counts[number]) for number in numbers) != day.get("entries"):
            log.add_problem(where, "条数不符")
        if day.get("on") in kept and kept.pop(day["on"]) != previous:
            log.add_problem(where, "与另存的日根不符，当日或更早的日志被重写")
    if kept:
        log.add_problem("日根 %s" % max(kept), "另存的日根中有 %d 日在导出中已不存在，末尾被截去" % len(kept))


def read_kept(path, make):
    """The lines "name digest" of a file kept elsewhere; a torn last line is left out."""
    kept = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for parts in (line.split() for line in lines):
            if len(parts) == 2 and len(parts[1]) == 64:
                kept[make(parts[0])] = parts[1]
    return kept


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Verify an exported audit log of 梯安 offline.")
    parser.add_argument("export", help="the exported log, JSON lines")
    parser.add_argument("--heads", help='digests of batches kept elsewhere: "number digest" a line')
    parser.add_argument("--days", help='daily roots kept elsewhere: "day digest" a line')
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    given = parser.parse_args(arguments)
    try:
        heads = read_kept(given.heads, int) if given.heads else {}
        days = read_kept(given.days, str) if given.days else {}
        with open(given.export, encoding="utf-8") as lines:
            log = Log().read(lines)
        problems = verify(log, heads, days)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        print("读不了文件：%s" % error, file=sys.stderr)
        return 2
    except (TypeError, KeyError, AttributeError) as error:
        print("日志被改动过：有一行的值不是平台写出的种类（%s）" % error, file=sys.stderr)
        return 1
    sealed = len(log.ids) - len(log.unsealed)
    told = {
        "ok": not problems, "batches": len(log.batches), "days": len(log.days), "sealed": sealed,
        "unsealed": len(log.unsealed), "head": log.batches[-1].get("digest") if log.batches else GENESIS,
        "last_day": log.days[-1].get("digest") if log.days else GENESIS, "problems": problems[:100],
    }  # fmt: skip
    if given.json:
        print(json.dumps(told, ensure_ascii=False))
        return 0 if told["ok"] else 1
    print("读到 %d 行：%d 批 %d 条，日根 %d 个" % (log.lines, told["batches"], sealed, told["days"]))
    print("末批摘要 %s" % told["head"])
    for problem in told["problems"]:
        print("%s：%s" % (problem["where"], problem["problem"]))
    if log.unsealed:
        oldest = min(str(at) for _key, at in log.unsealed)
        print("尚未封存 %d 条，最早 %s；封存之前不能证明没有改动" % (len(log.unsealed), oldest))
    print("没有发现改动" if told["ok"] else "日志被改动过")
    return 0 if told["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())

"""Print `id<TAB>passed<TAB>failed<TAB>skipped` for every id of docs/features.tsv, from the last `make test`."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGISTER = ROOT / "docs" / "features.tsv"
RESULTS = ROOT / "build" / "features.json"


def main() -> int:
    if not RESULTS.exists():
        print("尚无测试结果，请先执行 make test / no results yet: run `make test` first", file=sys.stderr)
        return 1
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for line in REGISTER.read_text(encoding="utf-8").splitlines():
        identifier = line.split("\t", 1)[0]
        counts = results.get(identifier, {})
        print(identifier, *(counts.get(outcome, 0) for outcome in ("passed", "failed", "skipped")), sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())

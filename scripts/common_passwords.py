"""`common_passwords.py LIST…`: make app/reference/common_passwords.txt from lists of passwords, one a line.

Digests only: the words of such lists are no reading for a repository. What is put together from words and runs of
digits that are common here is made by the script itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.workflows.access.passwords import COMMON, digest_of  # noqa: E402

SHORTEST = 8
# fmt: off
RUNS = (
    "123", "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890", "123123", "112233", "000000",
    "111111", "666666", "888888", "666", "888", "520", "521", "1314", "5201314", "2024", "2025", "2026", "2027",
)
WORDS = (
    "a", "aa", "aaa", "abc", "abcd", "qq", "qwe", "qwer", "qwerty", "asd", "asdf", "zxc", "zxcv", "1qaz", "qazwsx",
    "1qaz2wsx", "q1w2e3r4", "zaq12wsx", "woaini", "iloveyou", "love", "wang", "zhang", "li", "liu", "chen", "yang",
    "zhao", "huang", "zhou", "wu", "xu", "sun", "hu", "zhu", "gao", "lin", "he", "guo", "ma", "luo", "password",
    "passw0rd", "p@ssw0rd", "p@ssword", "admin", "root", "test", "guest", "user", "welcome", "system", "server",
    "china", "beijing", "shanghai", "guangzhou", "shenzhen", "hangzhou", "nanjing",
)
# fmt: on
BETWEEN = ("", "@", "!", ".", "_", "#")


def put_together() -> set[str]:
    """woaini@1314 and its like."""
    return {word + sign + run for word in WORDS for run in RUNS for sign in BETWEEN}


def main(lists: list[str]) -> None:
    words = put_together()
    for name in lists:
        words |= {line.strip() for line in Path(name).read_text(encoding="utf-8", errors="ignore").splitlines()}
    long_enough = {word for word in words if len(word) >= SHORTEST}
    digests = sorted({digest_of(form) for word in long_enough for form in (word, word.casefold())})
    COMMON.write_text("\n".join(digests) + "\n", encoding="ascii")
    print(f"{len(long_enough)} passwords of at least {SHORTEST} characters")


if __name__ == "__main__":
    main(sys.argv[1:])

#!/bin/sh
# Make .venv hold exactly what the lock names: `bootstrap.sh runtime` for running, `bootstrap.sh dev` for tests as well.
# A stamp with the lock's checksum makes a second call instant.
set -eu
cd "$(dirname "$0")/.."

kind=${1:-runtime}
case $kind in
    runtime) lock=requirements.txt ;;
    dev) lock=requirements-dev.txt ;;
    *) echo "usage: bootstrap.sh runtime|dev" >&2; exit 2 ;;
esac

. scripts/system.sh

# New enough, whole, and no slower than need be: an interpreter that lives in a shared library, as one built from source
# often does, takes a fifth longer for whatever it does.
quick() {
    "$1" -c '
import ensurepip, sys, venv
shared = "/libpython" in open("/proc/self/maps").read()
sys.exit(shared or sys.version_info < (3, 11))' >/dev/null 2>&1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Of a system whose own is older: one that stands beside it, or the one that its packages offer (Ubuntu 22.04 has 3.11).
newer() {
    for version in 3.14 3.13 3.12 3.11; do
        if new_enough "python$version"; then echo "python$version"; return 0; fi
    done
    install_packages python3.11 python3.11-venv >&2 2>/dev/null && new_enough python3.11 && echo python3.11
}

make_venv() {
    python=${PYTHON:-python3}
    # The first of the path, unless the system's own is quicker.
    if [ -z "${PYTHON:-}" ] && ! quick "$python" && quick /usr/bin/python3; then python=/usr/bin/python3; fi
    if ! command -v "$python" >/dev/null 2>&1; then
        say "找不到 $python。请先安装 Python 3.11 或更新版本：apt-get install python3 python3-venv" \
            "$python was not found. Install Python 3.11 or newer: apt-get install python3 python3-venv"
        exit 1
    fi
    if [ -z "${PYTHON:-}" ] && ! new_enough "$python"; then python=$(newer) || python=python3; fi
    if ! new_enough "$python"; then
        say "$("$python" --version) 太旧，需要 Python 3.11 或更新版本（可用 PYTHON=python3.12 make … 指定）。" \
            "$("$python" --version) is too old; Python 3.11 or newer is needed (PYTHON=python3.12 make … chooses one)."
        exit 1
    fi
    # Debian splits ensurepip off: the module venv is there, yet making an environment fails.
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_packages "python$version-venv" || install_packages python3-venv || {
            ask_for_packages python3-venv
            exit 1
        }
    fi
    "$python" -m venv .venv
}

# An environment whose interpreter went away (system upgrade, moved folder) is made again.
if [ -e .venv ] && ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "· .venv 已失效，重新创建 / .venv no longer works and is made again"
    rm -rf .venv
fi
[ -e .venv ] || make_venv

stamp=".venv/.lock-$kind"
sum=$(sha256sum "$lock" | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$sum" ]; then
    echo "· 安装依赖 $lock（第一次约需几分钟）/ installing $lock (a few minutes the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$lock"
    printf '%s\n' "$sum" > "$stamp"
    # The development lock is the runtime lock and more.
    [ "$kind" = runtime ] || sha256sum requirements.txt | cut -d' ' -f1 > .venv/.lock-runtime
fi

# Compiled catalogues are not kept in the repository; one whose source is newer is made again.
.venv/bin/python scripts/catalogues.py compile

# PDF forms need Pango and a Chinese font. Asked for once; without them all else works and pages offer the browser's printer.
if [ ! -e .venv/.pdf-looked ]; then
    : > .venv/.pdf-looked
    missing=""
    .venv/bin/python -c 'import weasyprint' >/dev/null 2>&1 || missing="$pdf_libraries"
    [ -n "$(fc-list :lang=zh-cn family 2>/dev/null)" ] || missing="$missing fontconfig fonts-noto-cjk"
    # shellcheck disable=SC2086
    if [ -n "$missing" ] && ! install_packages $missing $pdf_quicker && ! install_packages $missing; then
        say "· 暂不能生成 PDF 申请表（其他功能不受影响），可用浏览器打印。需要时请执行：" \
            "· PDF forms can't be made yet (all else works; the browser prints them). When wanted:" \
            "    sudo apt-get update && sudo apt-get install -y $missing"
    fi
fi

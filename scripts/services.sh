#!/bin/sh
# What tests and benches need beside Python: PostgreSQL, Redis, Chromium, Pango, a font with Chinese characters, Tesseract.
# Installs only what is missing. The servers are started by the tests themselves, in a folder of their own.
set -eu
cd "$(dirname "$0")/.."
. scripts/system.sh

have_postgres() {
    command -v postgres >/dev/null 2>&1 && command -v initdb >/dev/null 2>&1 && return 0
    for folder in /usr/lib/postgresql/*/bin; do [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] && return 0; done
    return 1
}
have_redis() { command -v redis-server >/dev/null 2>&1; }
have_font() { command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list :lang=zh-cn family 2>/dev/null)" ]; }
have_pango() { .venv/bin/python -c 'import weasyprint' >/dev/null 2>&1; }
have_reader() { tesseract --list-langs 2>/dev/null | grep -qx chi_sim; }
have_browser() { .venv/bin/python -m tests.browser >/dev/null 2>&1; }
# The browser without windows: journeys go by any other one as well, which takes nearly twice the work.
have_shell() { command -v chromium-headless-shell >/dev/null 2>&1 || [ -x /usr/lib/chromium/chromium-headless-shell ]; }

missing=""
have_postgres || missing="$missing postgresql"
have_redis || missing="$missing redis-server"
have_font || missing="$missing fontconfig fonts-noto-cjk"
have_reader || missing="$missing tesseract-ocr tesseract-ocr-chi-sim"
have_pango || missing="$missing $pdf_libraries"
# Ubuntu's package of this name only points at a snap, which neither containers nor CI can run.
ubuntu=$(. /etc/os-release 2>/dev/null; case "${ID:-} ${ID_LIKE:-}" in *ubuntu*) echo yes ;; *) echo no ;; esac)
if ! have_browser && [ "$ubuntu" = no ]; then missing="$missing chromium"; fi
quicker=""
if [ "$ubuntu" = no ] && ! have_shell; then quicker=chromium-headless-shell; fi

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    install_packages $missing $pdf_quicker $quicker || install_packages $missing $pdf_quicker ||
        install_packages $missing || { ask_for_packages $missing; exit 1; }
elif [ -n "$quicker" ] && apt-cache show "$quicker" >/dev/null 2>&1; then
    install_packages "$quicker" || true
fi
if ! have_browser; then
    echo "· 安装浏览器 / installing a browser"
    .venv/bin/python -m playwright install chromium >/dev/null
    if ! have_browser; then
        [ "$(id -u)" = 0 ] && .venv/bin/python -m playwright install-deps chromium >/dev/null </dev/null
        have_browser || {
            say "浏览器不能启动。请执行一次：" "The browser does not start. Please run once:" \
                "    sudo $(pwd)/.venv/bin/python -m playwright install-deps chromium"
            exit 1
        }
    fi
fi

# Sourced by the other scripts: installing system packages as root, or by sudo without a question.

# What printing a PDF takes beside Python: text layout; the font is named where it is looked for. `pdf_quicker` takes a
# font apart sooner; all goes without it, as on Ubuntu 22.04, which has none.
pdf_libraries="libpango-1.0-0 libpangoft2-1.0-0"
pdf_quicker="libharfbuzz-subset0"

say() {
    for line in "$@"; do printf '%s\n' "$line" >&2; done
}

ask_for_packages() {
    say "缺少系统软件包，且当前用户不能自动安装。请执行一次：" \
        "System packages are missing and this user cannot install them. Please run once:" \
        "    sudo apt-get update && sudo apt-get install -y $*"
}

# Returns 1 when nothing could be installed, so that the caller can say what is needed.
install_packages() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" = 0 ]; then
        as_root="env"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
        as_root="sudo -n env"
    else
        return 1
    fi
    echo "· 安装系统软件包 / installing system packages: $*"
    # RUNLEVEL=1: the tests start their own servers; the packages' own ones need not run.
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null >/dev/null || true
    $as_root DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -qq -y install --no-install-recommends "$@" </dev/null >/dev/null
}

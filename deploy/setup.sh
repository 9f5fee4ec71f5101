#!/bin/sh
# Sets up a new Linux machine: uv, Python, the packages of requirements.lock, Java, the jars.
# Prints first what it will download. Idempotent: if nothing changed since the last time it ends at once.
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.8
CACHE="${FRESHET_CACHE_DIR:-${FRESHET_CACHE:-$HOME/.cache/freshet}}"  # FRESHET_CACHE: the former name
VENV="$PWD/.venv"
STAMP="$VENV/.freshet-setup"
FINGERPRINT=$(cat requirements.lock pyproject.toml deploy/setup.sh | sha256sum | cut -d' ' -f1)

say() { printf '%s\n' "$*"; }

stop() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

# --- installed programs ---------------------------------------------------------------------------------

# The first Python on the PATH with a version of the lock; nothing if there is none.
find_python() {
    for name in python3.12 python3.13 python3.11 python3; do
        path=$(python_path "$name") && printf '%s' "$path" && return
    done
    return 0
}

# The path of a Python, if its version is supported.
python_path() {
    "$1" -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit(1); print(sys.executable)' 2>/dev/null
}

find_uv() {
    for path in "$(command -v uv || true)" "$HOME/.local/bin/uv" "$CACHE/uv/bin/uv"; do
        if [ -x "$path" ]; then
            printf '%s' "$path"
            return
        fi
    done
}

can_install() {
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
    say "installing $* by apt"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# --- downloads -------------------------------------------------------------------------

announce() {
    say "Set-up of Freshet downloads, once (all of it needs 9 GB of disk):"
    say "  4,000 MB  Python packages of requirements.lock (2,450 MB of them are CUDA libraries torch needs to start)"
    if [ -z "$(find_uv)" ]; then say "     25 MB  uv, which installs them, into $CACHE/uv"; fi
    if [ -z "$(find_python)" ]; then say "     35 MB  Python 3.12, private to uv"; fi
    if ! ls "$CACHE"/jars/*.jar >/dev/null 2>&1; then say "     60 MB  two jars for Spark, into $CACHE/jars"; fi
    if ! command -v java >/dev/null && ! ls /usr/lib/jvm/*/bin/java >/dev/null 2>&1; then
        say "    120 MB  Java 17 or 21, by apt"
    fi
    say "Less if uv's cache has some of it already."
}

# --- steps ------------------------------------------------------------------------------------

# Install a private uv with the Python on this machine; apt installs Python or venv if missing.
install_uv() {
    if ! command -v python3 >/dev/null; then
        can_install || stop "no Python and no uv found; type: sudo apt install python3 python3-venv"
        apt_install python3 python3-venv
    fi
    say "installing uv $UV_VERSION into $CACHE/uv"
    mkdir -p "$CACHE"
    if ! uv_by_venv; then
        can_install || stop "this Python cannot make a venv; type: sudo apt install python3-venv"
        apt_install python3-venv
        uv_by_venv || stop "uv could not be installed; check the network, then run: make setup"
    fi
}

uv_by_venv() {
    rm -rf "$CACHE/uv"
    python3 -m venv "$CACHE/uv" >/dev/null 2>&1 &&
        "$CACHE/uv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
}

# With a Python on this machine, else one from uv, else one from apt.
make_venv() {
    if python_path "$VENV/bin/python" >/dev/null; then return; fi
    rm -rf "$VENV"
    python=$(find_python)
    say "making .venv with ${python:-Python 3.12 from uv}"
    "$UV" venv --quiet --python "${python:-3.12}" "$VENV" && return
    say "that failed; trying a Python from apt"
    can_install && apt_python && "$UV" venv --quiet --python "$(find_python)" "$VENV" && return
    stop "no Python 3.11 to 3.13 found, and neither uv nor apt could install one; install one, then run: make setup"
}

apt_python() {
    for name in python3.12 python3.13 python3.11; do
        if apt_install "$name"; then return; fi
    done
    return 1
}

# `source .venv/bin/activate` then also sets DAGSTER_HOME.
set_dagster_home() {
    if grep -q DAGSTER_HOME "$VENV/bin/activate"; then return; fi
    # shellcheck disable=SC2016 # the shell that sources the file expands it
    printf '\n# Freshet: where Dagster keeps runs and logs\nexport DAGSTER_HOME="${DAGSTER_HOME:-%s}"\n' \
        "$PWD/.freshet/dagster" >>"$VENV/bin/activate"
}

install_packages() {
    export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-300}"
    # Compile bytecode now: heavy libraries import in half the time, and some machines forbid writing bytecode later.
    # Quiet: no line per package; errors are still printed.
    say "installing the packages of requirements.lock (minutes if they have to be downloaded)"
    "$UV" pip sync --quiet --python "$VENV" --compile-bytecode requirements.lock
    "$UV" pip install --quiet --python "$VENV" --no-deps --editable .
}

make_dagster_home() {
    mkdir -p .freshet/dagster
    [ -e .freshet/dagster/dagster.yaml ] || cp deploy/dagster.yaml .freshet/dagster/
}

# --- run -------------------------------------------------------------------------------------

if [ "$(cat "$STAMP" 2>/dev/null || true)" = "$FINGERPRINT" ]; then exit 0; fi
announce
UV=$(find_uv)
if [ -z "$UV" ]; then
    install_uv
    UV="$CACHE/uv/bin/uv"
fi
make_venv
install_packages
set_dagster_home
make_dagster_home
"$VENV/bin/freshet" setup
printf '%s\n' "$FINGERPRINT" >"$STAMP"
say "Freshet is set up."

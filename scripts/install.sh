#!/bin/sh
# Makes .venv from the hashed locks: `install.sh embedded` is enough to run, `install.sh dev` adds what tests and checks need.
# A second run with the same locks does nothing; an environment that already has `dev` keeps it.
set -eu
cd "$(dirname "$0")/.."

wanted=$1
venv=.venv
stamp=$venv/installed
steps=4

find_python() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer is needed; python3 here is: $(python3 --version 2>&1 || true)" >&2
    echo "Install one (Debian and Ubuntu: apt-get install python3 python3-venv), or name one: make install PYTHON=/path/to/python3.11" >&2
    exit 1
}

check_venv_module() {
    if ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "$1 cannot make virtual environments: its venv or ensurepip module is missing." >&2
        echo "Debian and Ubuntu: apt-get install python$version-venv, then run this again." >&2
        exit 1
    fi
}

# All that the environment depends on; the directory too, since scripts in .venv/bin name it.
state() {
    echo "$1 $(pwd)"
    cat "requirements/$1.txt" requirements/uv.txt pyproject.toml
}

is_installed() {
    [ -x $venv/bin/portal-api ] && state "$1" | cmp -s - $stamp && $venv/bin/python -c '' 2>/dev/null
}

step() {
    echo "  [$1/$steps] $2"
}

# uv trusts its own list of authorities; the system's store also has a company's. A bare image has no store.
use_system_certificates() {
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem /etc/pki/tls/certs/ca-bundle.crt; do
        if [ -s $bundle ]; then
            export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
        fi
    done
}

if [ "$wanted" = embedded ] && [ -f $stamp ] && head -n 1 $stamp | grep -q '^dev '; then
    wanted=dev
fi
if is_installed "$wanted"; then
    exit 0
fi

export UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_DEFAULT_TIMEOUT="${PIP_DEFAULT_TIMEOUT:-120}" UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-120}" # a slow mirror is no failure
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME
use_system_certificates
echo "Installing Portal API into $venv ($wanted)"
rm -f $stamp
if ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    check_venv_module "$python"
    step 1 "virtual environment, $("$python" --version)"
    rm -rf $venv
    "$python" -m venv $venv
else
    step 1 "virtual environment is there, $($venv/bin/python --version)"
fi
step 2 "installer (uv)"
$venv/bin/python -m pip install -qq --require-hashes -r requirements/uv.txt
step 3 "$(grep -c '^[a-zA-Z0-9_.-]*==' "requirements/$wanted.txt") locked packages"
$venv/bin/uv pip sync --quiet --compile-bytecode --python $venv/bin/python --require-hashes "requirements/$wanted.txt" requirements/uv.txt
step 4 "portal-api itself"
$venv/bin/uv pip install --quiet --python $venv/bin/python --no-deps --no-build-isolation --editable .
state "$wanted" >$stamp

#!/bin/sh
# Stops the PostgreSQL that Portal API started for itself and left running (after a kill -9, say). Data stays.
set -eu
cd "$(dirname "$0")/.."

data=${PORTAL_DATA_DIR:-.portal}
found=no

is_postgres() {
    case "$(ps -o comm= -p "$1" 2>/dev/null || cat "/proc/$1/comm" 2>/dev/null)" in
        *postgres*) return 0 ;;
        *) return 1 ;;
    esac
}

stop() {
    kill -INT "$1" # a fast shutdown: sessions end, what was committed stays
    waited=0
    while is_postgres "$1"; do
        if [ $waited -ge 60 ]; then
            echo "PostgreSQL (process $1) has not stopped after 60 s; see its log in $data." >&2
            exit 1
        fi
        sleep 1
        waited=$((waited + 1))
    done
}

if [ -d "$data" ]; then
    for file in $(find "$data" -name postmaster.pid); do
        pid=$(head -n 1 "$file")
        if is_postgres "$pid"; then
            echo "Stopping PostgreSQL (process $pid)"
            stop "$pid"
            found=yes
        fi
    done
fi
if [ $found = no ]; then
    echo "Nothing of ours is running in $data."
fi

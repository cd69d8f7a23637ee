#!/bin/sh
# ClamAV's daemon for the tests that ask a real one; they bring their own signatures, and are left out without it.
# Debian and Ubuntu, as root or with sudo that asks for nothing. Anything else: install `clamd` yourself.
set -eu

if command -v clamd >/dev/null 2>&1; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "SKIPPED: no apt-get here; put clamd on the PATH to run the tests of virus scanning"
    exit 0
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "SKIPPED: only root may install clamd; run: sudo apt-get install --no-install-recommends clamav-daemon"
        exit 0
    fi
    as_root="sudo -n"
fi
echo "Installing ClamAV's daemon for the tests of virus scanning"
if ! $as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -qq -y --no-install-recommends clamav-daemon' >/dev/null 2>&1; then
    echo "SKIPPED: apt-get could not install clamav-daemon"
    exit 0
fi
# The service would wait for signatures that a machine without internet never gets.
if command -v systemctl >/dev/null 2>&1; then
    $as_root systemctl disable --now clamav-daemon clamav-freshclam >/dev/null 2>&1 || true
fi

#!/bin/sh
# Sets up what a build needs: libtorch and Fashion-MNIST. `deploy/setup.sh --help` says more.
set -eu
case $0 in
    */*) here=${0%/*} ;;
    *) here=. ;;
esac
if ! command -v python3 >/dev/null 2>&1; then
    echo "setup: python3 is missing; the set-up script is written in it." >&2
    echo "       install it:  sudo apt-get install python3 python3-pip" >&2
    exit 3
fi
exec python3 "$here/setup.py" "$@"

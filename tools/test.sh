#!/usr/bin/env bash
# Sets up Winnow and passes its tests. Arguments go to lit, for example
# `tools/test.sh --filter EndToEnd`. The last line counts the tests.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
case $root in
*[[:space:]]*)
  echo "test: error: lit cannot run in a folder with a space in its path, got '$root'; move the clone" >&2
  exit 1
  ;;
esac
"$root/tools/setup.sh"
cd -- "$root"
exec .venv/bin/python tools/run-tests.py "$@"

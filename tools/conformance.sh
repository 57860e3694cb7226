#!/usr/bin/env bash
# Runs the tests of the pinned onnx package through compiled libraries, in one
# or all three modes. docs/conformance.md says more; --help lists the options.
#
#   tools/conformance.sh [static|dynamic|constant|all] [options]
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
mode=static
case "${1:-}" in
static | dynamic | constant | all)
  mode=$1
  shift
  ;;
esac
python=${WINNOW_PYTHON:-$root/.venv/bin/python}
exec "$python" "$root/test/Conformance/run_suite.py" --mode "$mode" "$@"

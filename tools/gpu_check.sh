#!/usr/bin/env bash
# Checks and times on a machine with a GPU what `python -m winnow.bench.gpu_cases` made on one with a
# compiler: tools/gpu_check.sh FOLDER [--json FILE] [--table FILE]; --help lists the rest. Builds nothing.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
python=${WINNOW_PYTHON:-python3}
command -v "$python" >/dev/null || {
  echo "gpu_check: error: expected Python at '$python'; set WINNOW_PYTHON" >&2
  exit 2
}
"$python" -c 'import numpy' 2>/dev/null || {
  echo "gpu_check: error: expected NumPy in $("$python" -c 'import sys; print(sys.executable)'); set WINNOW_PYTHON to a Python that has it" >&2
  exit 2
}
PYTHONPATH="$root/python${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m winnow.bench.gpu_check "$@"

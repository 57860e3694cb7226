#!/usr/bin/env bash
# Sets up Winnow and runs its main job: compiles a trained sentence encoder to
# a native library, embeds some sentences with it, and compares numbers and
# speed with ONNX Runtime. Arguments go to tools/demo.py.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
"$root/tools/setup.sh"
# -P: tools/winnow beside the script is the driver, not the Python package.
exec "$root/.venv/bin/python" -P "$root/tools/demo.py" "$@"

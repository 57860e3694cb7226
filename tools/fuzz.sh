#!/usr/bin/env bash
# Throws random models at the compiler for a number of seconds: seeds are the
# small models of the ONNX suite, inputs that found new code are kept in
# build-fuzz/corpus, what crashed, hung or took too much memory in
# build-fuzz/crashes. docs/fuzzing.md says more.
#
#   tools/fuzz.sh [SECONDS]          fuzz (default: 60)
#   tools/fuzz.sh FILE...            run single inputs, such as a crash
#
# Needs clang-22 and libclang-rt-22-dev; tools/setup.sh has made .venv.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd -- "$root"
python=${WINNOW_PYTHON:-$root/.venv/bin/python}
build=$root/build-fuzz
flags="-fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer -gline-tables-only"

if [ ! -f "$build/build.ninja" ]; then
  cmake -G Ninja -S "$root" -B "$build" -DWINNOW_FUZZER=ON \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
    -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" -DWINNOW_PYTHON="$python" >"$build.log" ||
    { cat "$build.log"; exit 1; }
fi
ninja -C "$build" winnow-fuzz >"$build/ninja.log" || { tail -50 "$build/ninja.log"; exit 1; }

mkdir -p "$build/corpus" "$build/crashes"
# One input: 20 s, 2 GiB. ASan makes both several times what they are without.
limits=(-timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=32768)
if [ $# -gt 0 ] && [ -e "$1" ]; then
  WINNOW_FUZZ_VERBOSE=1 exec "$build/bin/winnow-fuzz" "${limits[@]}" "$@"
fi

if [ ! -f "$build/corpus/seeded" ]; then
  "$python" - "$build/corpus" <<'PY'
import glob, hashlib, os, shutil, sys
import onnx.backend.test

data = os.path.join(os.path.dirname(onnx.backend.test.__file__), "data")
for path in glob.glob(os.path.join(data, "*", "*", "model.onnx")):
    if os.path.getsize(path) <= 16384:
        with open(path, "rb") as file:
            name = hashlib.sha1(file.read()).hexdigest()
        shutil.copy(path, os.path.join(sys.argv[1], name))
PY
  touch "$build/corpus/seeded"
fi
status=0
"$build/bin/winnow-fuzz" "${limits[@]}" -max_total_time="${1:-60}" -print_final_stats=1 \
  -artifact_prefix="$build/crashes/" "$build/corpus" || status=$?
if [ "$status" != 0 ]; then
  echo "fuzz: found a defect; reproduce it with: tools/fuzz.sh $(ls -t "$build"/crashes/* | head -1)"
fi
exit "$status"

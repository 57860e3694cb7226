"""The keys of winnow check --json are those that docs/check.md lists."""

import json
import sys

with open(sys.argv[1]) as file:
    report = json.load(file)
parts = report.pop("unsupported")
assert report.pop("model").endswith("bad.onnx")
assert report == {
    "format": "winnow-check", "version": 1, "supported": False,
    "nodes": 5, "unchecked": 1, "errors": [], "notes": [],
}, report  # fmt: skip
assert parts[1] == {
    "kind": "node", "name": "/head/gelu\n", "scope": "model.head", "domain": "com.microsoft",
    "op": "FuzzGelu", "opset": 1, "dtype": "float32",
    "reason": "the operator is not supported",
    "hint": "export the model without ONNX Runtime's graph optimizations",
}, parts[1]  # fmt: skip
assert [part["op"] for part in parts] == ["ImageDecoder", "FuzzGelu", "Missing"]

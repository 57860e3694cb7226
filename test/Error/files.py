"""Files that hold no model, and models of other versions."""
# RUN: %python %s %winnow %t

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import FOLDER, WORK, X, edit, helper, node, onnx, refuse, relu, value


def field(number, payload):
    """A length-delimited protobuf field."""
    size, text = len(payload), b""
    while size > 127:
        text, size = text + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + text + bytes([size]) + payload


def nested(depth):
    """A graph in an attribute of a node in a graph ..., which Python's protobuf
    refuses to build."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(4, b"If") + field(5, field(6, graph)))
    return b"\x08\x08" + field(7, graph)


GOOD = relu().SerializeToString()
fifo, huge = os.path.join(FOLDER, "fifo"), os.path.join(FOLDER, "huge.onnx")
if not os.path.exists(fifo):
    os.mkfifo(fifo)
with open(huge, "wb") as file:
    file.write(GOOD)
    file.truncate(2**31)

refuse({
    # No model.
    "empty file": (b"", "MODEL: expected an ONNX model, got an empty file"),
    "text": (b"hello, world", "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "zeros": (bytes(1000), "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "pickle": (b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00", "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "truncated": (GOOD[:-9], "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "trailing bytes": (GOOD + b"\xff", "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "a group": (GOOD + b"\x0b\x08\x01", "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "length beyond the end": (b"\x08\x08\x3a\xff\xff\xff\xff\x0f", "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "endless number": (b"\x08" + b"\xff" * 20, "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "no graph": (onnx.ModelProto(ir_version=8).SerializeToString(), "MODEL: expected a model with a graph, got none; is this an ONNX file?"),
    "deep messages": (nested(60), "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "deeper messages": (nested(10000), "MODEL: not an ONNX model, truncated, or nested deeper than 100 messages (protobuf could not parse it)"),
    "a folder": (WORK, "MODEL: expected a regular file"),
    "a pipe": (fifo, "MODEL: expected a regular file"),
    "a device": ("/dev/zero", "MODEL: expected a regular file"),
    "too large a file": (huge, "MODEL: expected a file of at most 2147483647 bytes (protobuf's limit), got 2147483648; save the weights as external data (onnx.save_model with save_as_external_data)"),
    # Versions.
    "ir version 999": (edit(relu(), lambda m: setattr(m, "ir_version", 999)), "MODEL: expected an IR version from 1 to 13, got 999"),
    "ir version 0": (edit(relu(), lambda m: m.ClearField("ir_version")), "MODEL: expected an IR version from 1 to 13, got 0"),
    "no opset": (edit(relu(), lambda m: m.ClearField("opset_import")), "MODEL: expected a model that imports an opset, got none"),
    "no opset of the default domain": (
        edit(relu(), lambda m: setattr(m.opset_import[0], "domain", "ai.onnx.ml")), "node 'Relu#0': Relu: the model imports no opset of the default domain"),
    "opset 0": (relu(opset=0), "expected an opset of the default domain from 1 to 27, got 0"),
    "opset 999": (relu(opset=999), "expected an opset of the default domain from 1 to 27, got 999"),
    "opset below 0": (relu(opset=-(2**63)), "expected an opset of the default domain from 1 to 27, got -9223372036854775808"),
    "two opsets": (
        edit(relu(), lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 17))), "expected one opset version for domain '', got 18 and 17"),
})

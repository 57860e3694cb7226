"""The models that are measured by name."""

import contextlib
import dataclasses
import logging
import os
import sys
from typing import Callable

from . import machine, minilm, models, sparse
from .errors import BenchError

VOCABULARY = {"bert": 30522, "gpt2": 50257, "image": 16384, "t5": 32128}


@dataclasses.dataclass(frozen=True)
class Workload:
    """`write(path)` writes the model; `dims` and `ranges` are those of
    signature.py; `lengths` is the mask of ragged.py with the mean; family, heads
    and width are for ONNX Runtime's optimiser."""

    name: str
    title: str
    write: Callable
    ranges: dict = dataclasses.field(default_factory=dict)
    dims: dict = dataclasses.field(default_factory=dict)
    family: str = ""
    heads: int = 0
    width: int = 0
    has_module: bool = False
    lengths: tuple = ()
    is_sparse: bool = False
    # Of outputs, by their scale, where it is greater than that of the command.
    tolerance: float | None = None
    # What peers run in its place, written as `write` does, and what `write`'s model gives:
    # {output: array} of {input: array}. Peers would need memory that no machine has.
    write_twin: Callable | None = None
    reference: Callable | None = None
    # What Winnow alone uses of techniques that change results, and what writes the data for it
    # into a folder.
    approximate: str = ""
    calibrate: Callable | None = None


def _export(name):
    def write(path):
        if not machine.package_version("torch"):
            raise BenchError("PyTorch is not installed here; run tools/bench-setup.sh")
        # A process of its own, whose memory goes with it.
        machine.measured([sys.executable, "-m", "winnow.bench.torch_models", name, path])

    return write


def _module(name, title, family, heads=0, width=0, **ranges):
    return Workload(name, title, _export(name), ranges, family=family, heads=heads, width=width,
                    has_module=True)  # fmt: skip


def _bert(seq):
    return _module(f"bert-{seq}", f"BERT-base, batch 1, {seq} tokens", "bert", 12, 768,
                   input_ids=(0, VOCABULARY["bert"]), attention_mask=(1, 2),
                   token_type_ids=(0, 2))  # fmt: skip


@contextlib.contextmanager
def _quietly():
    """ONNX Runtime's quantisers log each tensor."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _quantized_bert(seq):
    """As ONNX Runtime's quantiser leaves it: weights of 8 bits, a range for each activation when
    the model runs. Numbers that lie between two steps go to one or the other by the last bit of
    a float before, and all engines round differently: outputs differ by up to 7 % of the largest."""

    def write(path):
        from onnxruntime.quantization import QuantType, quantize_dynamic

        floats = path + ".floats"
        _export(f"bert-{seq}")(floats)
        with _quietly():
            quantize_dynamic(floats, path, weight_type=QuantType.QInt8)
        os.remove(floats)

    return dataclasses.replace(_bert(seq), name=f"bert-int8-{seq}", write=write, has_module=False,
                               title=f"BERT-base in 8 bits, batch 1, {seq} tokens",
                               tolerance=0.1)  # fmt: skip


def _ragged_bert(kind, seq, mean, batch=16):
    return Workload(f"bert-{kind}-{seq}", f"BERT-base, batch {batch}, {seq} tokens, mean {mean:g}",
                    _export(f"bert-{kind}-{seq}"),
                    {"input_ids": (0, VOCABULARY["bert"]), "token_type_ids": (0, 2)},
                    {"batch": batch, "seq": seq}, "bert", 12, 768, True,
                    ("attention_mask", mean))  # fmt: skip


def _minilm():
    def write(path):
        os.symlink(minilm.model_path(), path)

    ranges = {"input_ids": (0, VOCABULARY["bert"]), "attention_mask": (1, 2)}
    return Workload("minilm", "MiniLM-L3, trained, batch 8, 64 tokens", write, ranges,
                    minilm.dims(8, 64), "bert", 12, 384)  # fmt: skip


def _gemm(name, rows, shapes):
    def write(path):
        import onnx

        onnx.save(models.matmul_chain_model(rows, shapes), path)

    return Workload(f"gemm-{name}", f"linear layers, {rows} rows, {name}", write)


def _gemms(rows=128):
    width, ffn = models.BASE.width, models.BASE.ffn
    for k, n in ((width, width), (width, 3 * width), (width, ffn), (ffn, width)):
        yield _gemm(f"{k}x{n}", rows, [(k, n)])
    # Each layer has weights of its own, so that no cache holds them all.
    yield _gemm("chain", rows, ([(width, width)] * 4 + [(width, ffn), (ffn, width)]) * 4)


def _integers(form, rows):
    """Feed-forward layers that no cache holds, as ONNX Runtime's quantisers leave them. Where inputs are
    rounded, some lie between two steps, and each engine rounds them by the last bit of a float before."""

    def write(path):
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.matmul_nbits_quantizer import (
            DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer)  # fmt: skip

        width, ffn = models.BASE.width, models.BASE.ffn
        model = models.matmul_chain_model(rows, [(width, ffn), (ffn, width)] * 20)
        if form == "dynamic":
            floats = path + ".floats"
            onnx.save(model, floats)
            with _quietly():
                quantize_dynamic(floats, path, per_channel=True, weight_type=QuantType.QInt8)
            os.remove(floats)
            return
        config = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True,
                                              accuracy_level=4 if form == "rounded" else 0)  # fmt: skip
        quantizer = MatMulNBitsQuantizer(model, algo_config=config)
        with _quietly():
            quantizer.process()
        onnx.save(quantizer.model.model, path)

    what = {"dynamic": "8 bits, ranges of inputs", "rounded": "4 bits in blocks, inputs in 8",
            "blocks": "4 bits in blocks, inputs in floats"}[form]  # fmt: skip
    return Workload(f"integers-{form}-{rows}", f"40 linear layers, {rows} rows, {what}", write,
                    tolerance=None if form == "blocks" else 0.1)  # fmt: skip


def _ffn(form, width, hidden, rows, percent, predicted=False):
    def write(path):
        import onnx

        # So many layers that no cache holds a part that matters.
        layers = max(1, 256 * 2**20 // (8 * width * hidden))
        onnx.save(sparse.feed_forward(form, width, hidden, rows, percent / 100, layers, predicted), path)

    title = {"relu": "ReLU", "reglu": "ReGLU"}[form]
    title = f"{title} {width}-{hidden}-{width}, {rows} rows, {percent} % fire"
    name = f"{form}-{width}-{rows}-{percent}"
    if not predicted:
        return Workload(f"ffn-{name}", title, write, is_sparse=True)
    # A unit that is missed is small, but an output that it goes to differs.
    return Workload(f"ffn-predicted-{name}", f"{title}, and are predicted", write, is_sparse=True,
                    tolerance=0.25, approximate="predict-activation",
                    calibrate=lambda folder: sparse.calibrate(folder, rows, width))  # fmt: skip


def _ffns():
    for form in ("relu", "reglu"):
        for width, hidden in ((768, 3072), (4096, 11008)):
            for percent in (5, 15, 50):
                yield _ffn(form, width, hidden, 1, percent)
            for percent in (5, 15):
                yield _ffn(form, width, hidden, 1, percent, predicted=True)
        for rows in (8, 32, 128):
            yield _ffn(form, 768, 3072, rows, 5)


def _probsparse(length, heads=8, size=64, is_layer=False):
    def save(is_dense):
        def write(path):
            import onnx

            from . import probsparse

            onnx.save(probsparse.model(length, heads, size, is_dense, is_layer), path)

        return write

    def reference(feeds):
        from . import probsparse

        return probsparse.reference(length, heads, size, feeds)

    kind, what = ("-layer", " with projections") if is_layer else ("", "")
    return Workload(
        f"probsparse{kind}-{length}",
        f"ProbSparse attention{what}, {length} tokens, {heads} heads of {size}, beside dense attention",
        save(is_dense=False),
        write_twin=save(is_dense=True),
        reference=reference,
    )


WORKLOADS = {
    workload.name: workload
    for workload in (
        *map(_bert, (8, 32, 128, 512)),
        *map(_quantized_bert, (8, 128)),
        _ragged_bert("ragged", 128, 0.6),
        _ragged_bert("ragged", 512, 0.6),
        _ragged_bert("full", 128, 1.0),
        _module("vit", "ViT-B/16, batch 1", "vit", 12, 768),
        _module("gpt2-prefill", "GPT-2 small, 128 tokens", "gpt2", 12, 768,
                input_ids=(0, VOCABULARY["gpt2"])),
        _module("gpt2-decode", "GPT-2 small, one token behind 512", "gpt2", 12, 768,
                input_ids=(0, VOCABULARY["gpt2"])),
        _module("whisper", "Whisper-base encoder, 30 s", "bart", 8, 512),
        _module("swin", "Swin-T, batch 1", "swin"),
        dataclasses.replace(_module("relu-vit", "ViT-B/16 with ReLU, batch 1, 5 % fire", "vit", 12, 768),
                            is_sparse=True),
        dataclasses.replace(_module("relu-t5", "T5-small, 128 tokens and the first of the answer, 5 % fire",
                                    "t5", 8, 512, input_ids=(0, VOCABULARY["t5"]),
                                    decoder_input_ids=(0, VOCABULARY["t5"])), is_sparse=True),
        _module("kat-t", "KAT-T, batch 1", "vit", 3, 192),
        _module("kat-s", "KAT-S, batch 1", "vit", 6, 384),
        _module("kat-b", "KAT-B, batch 1", "vit", 12, 768),
        _module("kat-b-horner", "KAT-B by Horner's rule, batch 1", "vit", 12, 768),
        _module("kat-b-gelu", "KAT-B's twin with GELU, batch 1", "vit", 12, 768),
        _module("kan-splines", "KAN of splines, 784-64-10, batch 64", ""),
        _module("kan-gaussians", "KAN of Gaussians, 784-64-10, batch 64", ""),
        _module("kan-pairs", "KAN of pairs, 64-64-10, batch 64", ""),
        _module("token-shuffle", "Token-Shuffle decoder, 1024 tokens, windows of 2 x 2", "gpt2",
                12, 768, codes=(0, VOCABULARY["image"])),
        _module("token-shuffle-twin", "its twin without windows, 1024 tokens", "gpt2",
                12, 768, codes=(0, VOCABULARY["image"])),
        _module("informer-96", "Informer, 96 steps, 7 channels", ""),
        _module("informer-336", "Informer, 336 steps, 7 channels", ""),
        _module("informer-720", "Informer, 720 steps, 7 channels", ""),
        _module("informer-720-wide", "Informer, 720 steps, 321 channels", ""),
        _module("informer-720-dense", "Informer's dense twin, 720 steps, 7 channels", ""),
        *map(_probsparse, (1024, 4096, 16384)),
        *(_probsparse(length, is_layer=True) for length in (1024, 4096, 16384)),
        _minilm(),
        *_gemms(),
        *(_integers(form, rows) for form in ("dynamic", "rounded", "blocks") for rows in (1, 16, 128)),
        *_ffns(),
    )
}  # fmt: skip


def find(name):
    """The workloads of a name: one, those of a family such as `bert`, or all."""
    if name == "all":
        return list(WORKLOADS.values())
    return [w for key, w in WORKLOADS.items() if key == name or key.startswith(name + "-")]

#!/usr/bin/env python3
"""Cases of a folder of models with padding removed against the same without, also as
packed sequences.

    check_padding.py WINNOW MODELS_FOLDER WORK_FOLDER PATTERN... [MASK=INPUT] [SITES=TEXT]
        [OUTPUTS=all]

Each case has model.onnx and about.json, as in shared/models. The report must say TEXT of what
runs on valid tokens. MASK names the input that tells padding (default: attention_mask, or
padding_mask, which is true at padded tokens). Under OUTPUTS=all the mask hides keys only.
"""

import fnmatch
import glob
import json
import os
import sys

import numpy as np
from support import Checker, compile_model, folder_of, open_winnow

PATTERNS = 100
# Rounding through two layers of another order of sums, relative to the largest output.
TOLERANCE = 1e-5
KINDS = ("right", "left", "scattered", "zero", "one", "full", "all zero")


def random_mask(rng, kind, batch, seq):
    lengths = rng.integers(0, seq + 1, batch)
    if kind == "zero":
        lengths[rng.integers(batch)] = 0
    lengths = {"one": np.minimum(1, seq), "full": seq, "all zero": 0}.get(kind, lengths)
    lengths = np.broadcast_to(lengths, batch)[:, None]
    columns = np.arange(seq)[None]
    if kind == "scattered":
        return rng.random((batch, seq)) < rng.random((batch, 1))
    if kind == "left":
        return columns >= seq - lengths
    return columns < lengths


def random_feeds(rng, arrays, dims, sizes, mask_name, valid):
    """Inputs like the case's own, of other sizes."""
    feeds = {}
    for name, like in arrays.items():
        shape = [sizes.get(dim, size) for dim, size in zip(dims[name], like.shape)]
        if name == mask_name:
            feeds[name] = ~valid if like.dtype == bool else valid.astype(like.dtype)
        elif like.dtype.kind == "i" and like.size:
            feeds[name] = rng.integers(like.min(), like.max() + 1, shape).astype(like.dtype)
        elif like.dtype == bool:
            feeds[name] = rng.random(shape) < 0.5
        else:
            feeds[name] = rng.standard_normal(shape).astype(like.dtype)
    return feeds


def compare(what, check, got, want, valid, tokens):
    """`tokens` are the outputs of which the first dimensions are the mask's."""
    for name in got:
        x, y = got[name].astype(np.float64), want[name].astype(np.float64)
        scale = max(np.abs(y[np.isfinite(y)]).max(initial=0), 1e-3)
        tolerance = TOLERANCE if got[name].dtype == np.float32 else 4e-3
        if name in tokens:
            if np.any(x[~valid]):
                check.errors.append(f"{what}: {name}: expected zeros at padded positions")
            x, y = x[valid], y[valid]
        elif x.shape[:1] == valid.shape[:1]:
            # Of a sequence without tokens the report says something else.
            if not np.isfinite(x).all():
                check.errors.append(f"{what}: {name}: expected finite numbers, got others")
            x, y = x[valid.any(1)], y[valid.any(1)]
        check.close(f"{what}: {name}", x, y, tolerance * scale)


def run_packed(session, feeds, valid):
    """The outputs of the form that takes the valid tokens one after the other."""
    packed = {}
    for info in session.packed.get_inputs():
        if info.name == "cu_seqlens":
            lengths = valid.sum(axis=1)
            packed[info.name] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        else:
            value = feeds[info.name]
            packed[info.name] = value[valid] if len(info.shape) < value.ndim else value
    names = [info.name for info in session.get_outputs()]
    return dict(zip(names, session.run_packed(None, packed)))


def compare_packed(what, check, got, want, valid, tokens):
    for name in got:
        y = want[name].astype(np.float64)
        scale = max(np.abs(y[np.isfinite(y)]).max(initial=0), 1e-3)
        tolerance = TOLERANCE if got[name].dtype == np.float32 else 4e-3
        x = got[name].astype(np.float64)
        if name in tokens:
            y = y[valid]
        elif y.shape[:1] == valid.shape[:1]:
            x, y = x[valid.any(1)], y[valid.any(1)]
        check.close(f"{what}: {name}", x, y, tolerance * scale)


def check_case(tool, case, folder, mask_name, sites, hides_tokens, check):
    with open(os.path.join(case, "about.json")) as file:
        about = json.load(file)
    with np.load(os.path.join(case, "io_0.npz")) as file:
        arrays = {name[3:]: file[name] for name in file.files if name.startswith("in:")}
    mask_name = mask_name or next(n for n in ("attention_mask", "padding_mask") if n in arrays)
    dims = {name: about["inputs"][name]["shape"] for name in arrays}
    model = os.path.join(case, "model.onnx")
    name = os.path.basename(case)
    removed = compile_model(tool, model, os.path.join(folder, "removed"))
    with open(glob.glob(os.path.join(removed, "*.json"))[0], encoding="utf-8") as file:
        reports = [site for site in json.load(file)["passes"] if site["pass"] == "remove-padding"]
    said = "; ".join(site["sentence"] for site in reports if site["applied"])
    if sites not in said or not said:
        check.errors.append(f"{name}: expected the report to say '{sites}', got {reports}")
    removed = open_winnow(removed, 2)
    padded = compile_model(tool, model, os.path.join(folder, "padded"), "--remove-padding=off")
    padded = open_winnow(padded, 2)
    rng = np.random.default_rng(5)
    batch_dim, seq_dim = dims[mask_name]
    # An exporter may have a name of its own for an output's dimension.
    tokens = {name for name, output in about["outputs"].items()
              if hides_tokens and len(output["shape"]) > 2}  # fmt: skip
    for pattern in range(PATTERNS):
        kind = KINDS[pattern % len(KINDS)]
        sizes = {batch_dim: int(rng.integers(1, 6)), seq_dim: int(rng.integers(1, 41))}
        sizes = {dim: size for dim, size in sizes.items() if isinstance(dim, str)}
        batch = sizes.get(batch_dim, batch_dim)
        valid = random_mask(rng, kind, batch, sizes.get(seq_dim, seq_dim))
        feeds = random_feeds(rng, arrays, dims, sizes, mask_name, valid)
        what, want = f"{name}: {kind} padding, {valid.shape}", padded(feeds)
        compare(what, check, removed(feeds), want, valid, tokens)
        if kind not in ("left", "scattered", "all zero") and valid.any():
            got = run_packed(removed.session, feeds, valid)
            compare_packed(f"{what}, packed", check, got, want, valid, tokens)


def main():
    tool, models, work, *arguments = sys.argv[1:]
    patterns = [argument for argument in arguments if "=" not in argument]
    options = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    cases = sorted(
        name
        for name in os.listdir(models)
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    )
    if not cases:
        sys.exit(f"expected cases named {' '.join(patterns)} in {models}")
    check = Checker()
    for name in cases:
        try:
            folder = folder_of(os.path.join(work, name))
            check_case(tool, os.path.join(models, name), folder, options.get("MASK"),
                       options.get("SITES", ""), "OUTPUTS" not in options, check)  # fmt: skip
        except Exception as error:  # the other cases still run
            check.errors.append(f"{name}: {type(error).__name__}: {error}")
    check.finish()


if __name__ == "__main__":
    main()

# RUN: %python %s
# REQUIRES: python

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import Library, Output, declare, host_levels, memref, strided

generator = np.random.default_rng(0)
LEAST = np.finfo(np.float32).min
SEQUENCES = [(1, 1, 1), (2, 1, 300), (1, 1, 0), (2, 17, 70), (1, 130, 129), (1, 40, 600), (1, 2, 0),
             (1, 70, 900)]


def reference(q, k, v, mask, scale, causal, nan_to_zero, at_end=False, lowest=False, adds=False,
              softcap=0):
    group = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, group, 2), np.repeat(v, group, 2)
    q, k, v = (t.astype(np.float64).transpose(0, 2, 1, 3) for t in (q, k, v))
    scores = (q @ k.transpose(0, 1, 3, 2)) * scale
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    if mask is not None and mask.dtype == np.bool_:
        scores = np.where(mask, scores, -np.inf)
    elif mask is not None:
        scores = (scores.astype(np.float32) + mask).astype(np.float64)
    if causal:
        shift = scores.shape[3] - scores.shape[2] if at_end else 0
        visible = np.tri(*scores.shape[2:], shift, dtype=bool)
        with np.errstate(over="ignore"):
            hidden = scores.astype(np.float32) + LEAST if adds else LEAST if lowest else -np.inf
        scores = np.where(visible, scores, hidden)
    with np.errstate(all="ignore"):
        weights = np.exp(scores - scores.max(-1, keepdims=True, initial=-np.inf))
        weights = weights / weights.sum(-1, keepdims=True)
        if nan_to_zero:
            weights = np.where(np.isnan(weights), 0, weights)
        result = (weights @ v).transpose(0, 2, 1, 3)
    if scores.shape[-1] == 0 and not nan_to_zero:
        result = np.full_like(result, np.nan)
    return result


def make_window(kind, shape):
    """A band, and rows that see nothing: most blocks of keys are hidden from all queries."""
    queries, keys = shape[2:]
    near = abs(np.arange(queries)[:, None] * keys // max(queries, 1) - np.arange(keys)) < 20
    near[::50] = False
    near = np.broadcast_to(near, shape)
    return near.copy() if kind == "bool" else np.where(near, 0.5, LEAST).astype(np.float32)


def make_mask(kind, shape):
    """Whole rows and whole first blocks masked, in every way that is used."""
    rows = min(shape[2], 4)
    if kind == "bool":
        mask = generator.random(shape) < 0.6
        if shape[3] > 550:
            mask[..., :550] = False
        mask[..., : rows // 2, :] = False
        return mask
    mask = np.where(generator.random(shape) < 0.6, 0, -1e4).astype(np.float32)
    if rows > 3:
        mask[..., 0, :] = LEAST
        mask[..., 1, :] = -np.inf
        mask[..., 2, ::2] = -np.inf
        mask[..., 3, ::2] = LEAST
    return mask


def check(level, heads, key_heads, dim, value_dim, kind, broadcast, causal, nan_to_zero,
          at_end=False, lowest=False, adds=False, softcap=0, entries=None, heads_first=(False, False),
          static=None, past=False, window=False):
    free = lambda h, d: memref(None, None, h, d)
    few = lambda h, d: memref(None, static, h, d)
    first = lambda h, d: memref(None, h, None, d)
    types = [few(heads, dim), (first if heads_first[0] else free)(key_heads, dim),
             (first if heads_first[1] else free)(key_heads, value_dim)]
    element = "i1" if kind == "bool" else "f32"
    if kind != "none":
        extents = ["1" if one else "?" for one in broadcast]
        if entries:
            extents[0] = str(entries)
        types.append(f"memref<{'x'.join(extents)}x?x{element}>")
    if past:  # then keys and values are outputs
        types += 2 * types[1:3]
        del types[1:3]
    scale = float(np.float32(dim**-0.5))
    library = Library(declare("k", types + [few(heads, value_dim)], kind="attention", scale=scale,
                              causal=causal, mask=kind, nan_to_zero=nan_to_zero,
                              causal_at_end=at_end, causal_lowest=lowest,
                              causal_adds_lowest=adds, softcap=float(softcap),
                              key_heads_first=heads_first[0], value_heads_first=heads_first[1],
                              past=past, steps=True),
                      level)
    for batch, queries, keys in SEQUENCES:
        queries = static or queries
        batch *= entries or 1
        q = strided(generator, batch, queries, heads, dim)
        k = strided(generator, batch, keys, key_heads, dim)
        v = strided(generator, batch, keys, key_heads, value_dim)
        out = Output(generator, batch, queries, heads, value_dim)
        mask = []
        if kind != "none":
            full = (batch, heads, queries)
            shape = [1 if one else d for one, d in zip(broadcast, full)] + [keys]
            shape[0] = entries or shape[0]
            mask = [(make_window if window else make_mask)(kind, shape)]
        if adds and keys:  # raises a hidden key again
            mask[0][-1, :, -1, -1] = -LEAST
            if not broadcast[2]:
                mask[0][-1, :, -1, :3] = -LEAST
        given = [np.ascontiguousarray(t.transpose(0, 2, 1, 3)) if flag else t
                 for t, flag in zip((k, v), heads_first)]
        if past:
            whole = [t.copy() for t in given]
            for t, first in zip(given, heads_first):
                old = np.moveaxis(t, 2 if first else 1, 0)[: keys * 2 // 3]
                mask.append(np.moveaxis(old, 0, 2 if first else 1).copy())
                old[:] = np.nan
            library("k", q, *mask, *given, out.array)
            del mask[-2:]
            for t, expected in zip(given, whole):
                np.testing.assert_array_equal(t, expected)
        else:
            library("k", q, *given, *mask, out.array)
        full_mask = mask[0] if mask else None
        if entries:
            full_mask = np.tile(full_mask, (batch // entries, 1, 1, 1))
        expected = reference(q, k, v, full_mask, scale, causal, nan_to_zero, at_end, lowest,
                             adds, softcap)
        out.check(expected, 5e-6, f"{level} attention {heads}/{key_heads} {dim}/{value_dim} {kind} "
                  f"{broadcast} causal={causal} {at_end} {lowest} {adds} {batch}x{queries}x{keys}")


def pack(padded, rows):
    """[1, tokens, ...] of the chosen rows of each sequence."""
    return np.concatenate([x[r] for x, r in zip(padded, rows)])[None]


def check_packed(level, heads, key_heads, dim, value_dim, kind, packs_queries, packs_keys,
                 causal=False, scattered=False):
    """Sequences one after the other against the same ones apart."""
    free = lambda h, d: memref(None, None, h, d)
    numbers = "memref<?xi64>"
    masked = kind != "none"
    element = "i1" if kind == "bool" else "f32"
    types = [free(heads, dim), free(key_heads, dim), free(key_heads, value_dim)]
    types += [f"memref<1x?x?x?x{element}>"] * masked
    types += [numbers] * (masked * (packs_queries + packs_keys) + packs_queries + 2 * packs_keys)
    scale = float(np.float32(dim**-0.5))
    library = Library(declare("k", types + [free(heads, value_dim)], kind="attention", scale=scale,
                              causal=causal, mask=kind, nan_to_zero=True,
                              query_packed=packs_queries, key_packed=packs_keys), level)
    longest = 140
    for lengths in ((5, 0, 37, 1), (140, 3), (0, 0), (16, 32, 64, 33)):
        batch = len(lengths)
        q = generator.standard_normal((batch, longest, heads, dim)).astype(np.float32)
        k = generator.standard_normal((batch, longest, key_heads, dim)).astype(np.float32)
        v = generator.standard_normal((batch, longest, key_heads, value_dim)).astype(np.float32)

        def choose():
            if scattered:
                return [np.sort(generator.permutation(longest)[:n]) for n in lengths]
            return [np.arange(n) + generator.integers(longest - n + 1) for n in lengths]

        whole = [np.arange(longest)] * batch
        key_rows = choose() if packs_keys else whole
        query_rows = whole
        if packs_queries:
            query_rows = key_rows if packs_keys else choose()
        offsets = np.cumsum([0, *lengths], dtype=np.int64)
        arguments = [pack(q, query_rows) if packs_queries else q]
        arguments += [pack(x, key_rows) if packs_keys else x for x in (k, v)]
        mask = None
        if masked:
            mask = make_mask(kind, (1, heads, longest, longest))
            arguments.append(mask)
            arguments += [np.concatenate(rows).astype(np.int64) for rows, packs in
                          ((query_rows, packs_queries), (key_rows, packs_keys)) if packs]
        arguments += [offsets] * packs_queries
        arguments += [offsets, np.array(lengths, np.int64)] * packs_keys
        out = Output(generator, *arguments[0].shape[:3], value_dim)
        library("k", *arguments, out.array)
        expected = []
        for b in range(batch):
            rows, columns = query_rows[b], key_rows[b]
            own = mask[:, :, rows][..., columns] if masked else None
            expected.append(reference(q[b : b + 1, rows], k[b : b + 1, columns],
                                      v[b : b + 1, columns], own, scale, causal, True))
        out.check(np.concatenate(expected, 1 if packs_queries else 0), 5e-6,
                  f"{level} packed attention {packs_queries} {packs_keys} {kind} {causal} "
                  f"{scattered} {lengths}")


ALL, ROW, SHARED = (False, False, False), (False, True, True), (True, True, False)
for level in host_levels():
    for dims in ((4, 2, 32, 32), (2, 2, 6, 10), (2, 1, 4, 72)):
        check(level, *dims, "none", ALL, False, False)
    check(level, 2, 1, 16, 16, "none", ALL, True, True)
    check(level, 2, 2, 16, 24, "bool", ALL, True, True)
    check(level, 2, 2, 16, 24, "bool", ROW, False, False)
    check(level, 2, 2, 16, 24, "add", ALL, False, False)
    check(level, 2, 2, 16, 24, "add", SHARED, False, True)
    check(level, 2, 2, 16, 24, "add", ROW, True, False)
    check(level, 2, 1, 16, 16, "none", ALL, True, False, at_end=True)
    check(level, 2, 2, 16, 16, "none", ALL, True, False, at_end=True, lowest=True)
    check(level, 2, 2, 16, 24, "bool", ROW, True, True, at_end=True)
    check(level, 2, 2, 16, 24, "add", ROW, True, False, lowest=True)
    check(level, 2, 1, 16, 24, "add", ALL, True, True, at_end=True, lowest=True)
    check(level, 2, 2, 16, 24, "add", ROW, True, False, adds=True)
    check(level, 2, 1, 16, 24, "add", ALL, True, True, at_end=True, adds=True)
    check(level, 2, 1, 16, 24, "bool", ROW, True, True, softcap=0.5)
    check(level, 2, 2, 16, 24, "add", ALL, False, False, softcap=2)
    check(level, 2, 2, 16, 16, "add", ALL, False, False, entries=3)
    check(level, 2, 2, 16, 16, "bool", (False, True, False), False, True, entries=2)
    for kind in ("bool", "add"):  # blocks that are left out
        check(level, 2, 2, 16, 24, kind, SHARED, False, kind == "bool", window=True)
        check(level, 2, 1, 16, 24, kind, SHARED, True, True, at_end=True, window=True)
        check(level, 2, 2, 16, 24, kind, SHARED, False, True, past=True, window=True)
        check(level, 2, 2, 16, 24, kind, ROW, False, False, static=1, window=True)
    check(level, 4, 2, 16, 24, "add", ROW, True, True, at_end=True, heads_first=(True, True))
    check(level, 2, 1, 16, 8, "none", ALL, True, True, heads_first=(True, False))
    for static in (1, 2, 3):  # steps of a decoder, in narrow tiles
        check(level, 4, 2, 64, 64, "none", ALL, True, False, at_end=True, static=static)
        check(level, 2, 2, 16, 72, "add", ALL, False, False, static=static)
    for static in (None, 1, 2):  # with a past, which is copied
        check(level, 2, 2, 16, 24, "none", ALL, False, False, static=static, past=True)
        check(level, 2, 2, 64, 64, "add", SHARED, False, True, static=static, past=True,
              heads_first=(True, True))
        check(level, 2, 2, 16, 10, "none", ALL, True, True, at_end=True, static=static, past=True,
              heads_first=(True, False))
        check(level, 2, 2, 16, 16, "none", ALL, True, False, at_end=True, lowest=True,
              static=static, past=True)
        check(level, 2, 2, 16, 16, "none", ALL, True, False, static=static, past=True)
    check_packed(level, 4, 2, 32, 24, "none", True, True)
    check_packed(level, 2, 2, 16, 16, "none", True, True, causal=True)
    check_packed(level, 2, 2, 16, 16, "none", False, True)
    check_packed(level, 2, 2, 16, 16, "none", True, False)
    check_packed(level, 2, 2, 16, 24, "add", True, True)
    check_packed(level, 2, 1, 16, 24, "add", True, True, scattered=True)
    check_packed(level, 2, 2, 16, 24, "bool", False, True, scattered=True)
    check_packed(level, 2, 2, 16, 24, "bool", True, False)

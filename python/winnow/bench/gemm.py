"""The GEMM kernels alone: linear layers of BERT's shapes with constant weights
and nothing else, against the FMA rate of the same round."""

import os

import numpy as np
import onnx

from . import machine, models, stats, text
from .peers import Peer


def add_arguments(parser):
    parser.add_argument("--tokens", type=int, default=128, help="rows of the left matrix")
    parser.add_argument("--layers", type=int, default=4, help="layers of the chain")


def cases(tokens, layers):
    """-> (name, model, FLOPs)"""
    width, ffn = models.BASE.width, models.BASE.ffn
    shapes = [(width, width), (width, 3 * width), (width, ffn), (ffn, width)]
    for k, n in shapes:
        yield f"{tokens}x{k}x{n}", models.matmul_model(tokens, k, n), 2 * tokens * k * n
    # Each layer has weights of its own, so that no cache holds them all.
    chain = [(width, width)] * 4 + [(width, ffn), (ffn, width)]
    flops = 2 * tokens * layers * sum(k * n for k, n in chain)
    yield f"chain of {layers} layers", models.matmul_chain_model(tokens, chain * layers), flops


def main(arguments):
    title = f"GEMM with constant weights, {arguments.tokens} rows"
    result = text.header(title, arguments.threads)
    result["cases"] = []
    peers = []
    try:
        for number, (name, model, flops) in enumerate(cases(arguments.tokens, arguments.layers)):
            path = os.path.join(arguments.work, f"gemm-{number}.onnx")
            onnx.save(model, path)
            folder = os.path.splitext(path)[0]
            machine.compile_model(path, folder, arguments.option)
            k = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
            rng = np.random.default_rng(number)
            x = rng.standard_normal((arguments.tokens, k), dtype=np.float32)
            ours = Peer("winnow", folder, arguments.threads)
            peers.append((name, flops, ours))
            with Peer("onnxruntime", path, arguments.threads) as theirs:
                got, want = ours.outputs({"x": x})["y"], theirs.outputs({"x": x})["y"]
            difference = stats.largest_difference(got, want)
            if not difference <= arguments.tolerance:
                raise SystemExit(
                    f"winnow.bench: error: {name}: expected outputs within "
                    f"{arguments.tolerance:g} of ONNX Runtime's, got {difference:g}"
                )
            ours.feed({"x": x})
        rates, shares, cpu_shares = ({name: [] for name, _, _ in peers} for _ in range(3))
        for round_number in range(arguments.rounds):
            for name, flops, peer in peers:
                # The probe runs right before the kernel: clocks wander.
                wall_probe, cpu_probe = machine.fma_rates(arguments.threads)
                wall, cpu = peer.time(arguments.runs)
                rates[name].append(flops / wall * 1e-9)
                shares[name].append(flops / wall * 1e-9 / wall_probe)
                # CPU seconds of all threads, so the probe's rate of one.
                cpu_shares[name].append(flops / cpu * 1e-9 / (cpu_probe / arguments.threads))
            text.tick(round_number + 1, arguments.rounds)
        for name, flops, _ in peers:
            case = {
                "name": name,
                "flops": flops,
                "gflops": float(np.median(rates[name])),
                "of_probe": stats.interval(shares[name]),
                "of_probe_by_cpu_time": stats.interval(cpu_shares[name]),
            }
            result["cases"].append(case)
            text.row(name, f"{case['gflops']:7.1f} GFLOP/s, of the probe "
                     f"{text.interval(case['of_probe'])}, by CPU time "
                     f"{case['of_probe_by_cpu_time'][0]:.3f}")  # fmt: skip
    finally:
        for _, _, peer in peers:
            peer.close()
    return result

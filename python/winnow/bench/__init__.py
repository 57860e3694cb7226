"""Benchmarks of Winnow against ONNX Runtime; see docs/benchmarks.md.

    python -m winnow.bench gemm|bert|minilm
"""

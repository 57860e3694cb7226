"""Benchmarks of Winnow beside its peers; see docs/benchmarks.md.

    python -m winnow.bench MODEL.onnx|WORKLOAD... [options]
"""

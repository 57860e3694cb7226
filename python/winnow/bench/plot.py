"""The ratios as a picture."""

from . import machine
from .errors import BenchError


def require():
    """Plots need what only the benchmarks' own environment has."""
    if not machine.package_version("matplotlib"):
        raise BenchError("matplotlib, which draws, is not installed here; run tools/bench-setup.sh")


def write(path, results, facts):
    """Medians with their intervals, a group a workload."""
    import matplotlib

    matplotlib.use("svg")
    # Equal figures make equal files.
    matplotlib.rcParams.update({"svg.hashsalt": "winnow", "font.size": 8})
    from matplotlib import pyplot

    measured = [r for r in results if any("ratio" in row for row in r["engines"].values())]
    names = []
    for result in measured:
        names += [n for n, row in result["engines"].items() if "ratio" in row and n not in names]
    figure, axes = pyplot.subplots(figsize=(7, 1.2 + 0.14 * (len(names) + 1) * len(measured)))
    height = 0.8 / max(len(names), 1)
    for i, name in enumerate(names):
        places, medians, below, above = [], [], [], []
        for place, result in enumerate(measured):
            row = result["engines"].get(name, {})
            if "ratio" in row:
                median, low, high = row["ratio"]
                places.append(place + (i - (len(names) - 1) / 2) * height)
                medians.append(median)
                below.append(median - low)
                above.append(high - median)
        title = next(r["engines"][name]["title"] for r in measured if name in r["engines"])
        axes.errorbar(medians, places, xerr=[below, above], label=title, fmt="o", markersize=3)
    # A peer that is as much slower as another is faster is as far from 1.
    axes.set_xscale("log")
    for axis_format in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis_format(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.grid(axis="x", linewidth=0.3)
    for place in range(1, len(measured)):
        axes.axhline(place - 0.5, color="grey", linewidth=0.3)
    axes.set_yticks(range(len(measured)), [result["title"] for result in measured])
    axes.invert_yaxis()
    axes.set_xlabel(
        "the peer's time / Winnow's: above 1, Winnow is faster "
        f"({facts['threads']} threads, 95 % intervals)"
    )
    if names:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)

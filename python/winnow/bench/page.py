"""The generated part of docs/benchmarks.md."""

import os

from . import engines, plot, text
from .errors import BenchError

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _table(header, rows):
    return [_row(header), "|" + "---|" * len(header), *map(_row, rows), ""]


def _ratios(results, names):
    """The first thing to see: ratios, a row a workload."""
    titles = [engines.title(name) for name in names]
    rows = []
    for result in results:
        cells = [result["title"]]
        for name in names:
            row = result["engines"].get(name, {})
            missing = {"untimed": "not timed"}.get(row["state"], "not run") if row else ""
            cell = text.interval(row["ratio"]) if "ratio" in row else missing
            cells.append(f"**{cell}**" if row and row is text.fastest(result) else cell)
        rows.append(cells)
    return _table(["workload", *titles], rows)


def _origin(run):
    cpu, commit = text.machine_lines(run)
    return f"- `{run['command']}` on {run['date']}: {cpu}; {commit}."


def figures(runs, picture):
    results = [result for run in runs for result in run["models"]]
    names = [n for n in engines.PEERS if any(n in result["engines"] for result in results)]
    lines = [
        "Made by",
        "",
        *map(_origin, runs),
        "",
        "A peer's time over Winnow's, median [95 % interval]; above 1, Winnow is faster; the fastest peer is in bold:",
        "",
        *_ratios(results, names),
        f"![the ratios]({picture})",
        "",
    ]
    for result in results:
        lines += [f"**{result['title']}** (`{result['name']}`): {text.work_line(result)}", ""]
        rows = [text.cells(row) for row in result["engines"].values() if row["state"] == "timed"]
        lines += _table(["engine", *text.COLUMNS[1:]], rows) if rows else []
        padding = text.padding_line(result)
        lines += [f"{padding}.", ""] if padding else []
        said = [f"- {title}: {reason}" for title, reason in text.refusals(result)]
        said += [f"- {title}: {note}" for title, note in text.notes(result)]
        lines += [*said, ""]
    return "\n".join(lines).rstrip() + "\n"


def read(path):
    """-> what stands before and after the figures of a page"""
    try:
        with open(path) as file:
            head, rest = file.read().split(BEGIN)
            _, tail = rest.split(END)
    except (OSError, ValueError):
        raise BenchError(f"expected '{path}' to hold {BEGIN} and {END}") from None
    return head, tail


def write(path, runs):
    """The figures of runs, each of which is what --json writes."""
    head, tail = read(path)
    picture = os.path.splitext(path)[0] + ".svg"
    plot.write(picture, [result for run in runs for result in run["models"]], runs[-1])
    made = figures(runs, os.path.basename(picture))
    with open(path, "w") as file:
        file.write(f"{head}{BEGIN}\n{made}{END}{tail}")

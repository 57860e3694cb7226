"""How the benchmarks print."""

import json
import sys

from . import engines


def milliseconds(seconds):
    return f"{seconds * 1e3:.2f}"


def mebibytes(count):
    return f"{count / 2**20:.0f}"


def interval(triple, digits=2):
    median, low, high = triple
    return f"{median:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def progress(text):
    """What is going on, on a terminal; nothing in a log."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def write_json(path, result):
    with open(path, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


def machine_lines(facts):
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return [
        f"{facts['cpu']}, {facts['cpus']} CPUs, {facts['threads']} threads, {facts['fma_isa']}",
        f"commit {facts['commit'] or 'unknown'}, {versions}",
    ]


COLUMNS = (
    "", "wall ms", "CPU ms", "threads", "ratio [95 %]", "CPU ratio [95 %]", "of FMA", "by CPU",
    "of read", "load s", "peak MiB", "difference",
)  # fmt: skip


def name_of(row):
    """An engine with its version."""
    return f"{row['title']} {row['version']}" if row.get("version") else row["title"]


def cells(row):
    """The columns of an engine that was timed."""
    wall = row["seconds"][0]
    threads = row["thread_cpu_seconds"]
    busy = sum(seconds > 0.05 * threads[0] for seconds in threads)
    share = lambda key: f"{row[key][0]:.2f}" if key in row else "-"
    ours = "1" if row["title"] == engines.title("winnow") else "-"
    return (
        name_of(row),
        milliseconds(wall),
        milliseconds(row["cpu_seconds"][0]),
        str(busy),
        interval(row["ratio"]) if "ratio" in row else ours,
        interval(row["cpu_ratio"]) if "cpu_ratio" in row else ours,
        share("of_fma"),
        share("of_fma_cpu"),
        share("of_read"),
        f"{row['load_seconds']:.2f}",
        mebibytes(row["peak_bytes"]),
        f"{row['difference']:.0e}",
    )


def work_line(result):
    parts = []
    if result["flops"]:
        parts.append(f"{result['flops'] * 1e-9:.1f} GFLOP")
    if "twin_flops" in result:
        parts.append(f"{result['twin_flops'] * 1e-9:.1f} of peers, FLOP ratio {result['flop_ratio'][0]:.1f}")
    elif "flop_ratio" in result:
        parts.append(f"{result['valid_flops'] * 1e-9:.1f} of valid tokens")
        parts.append(f"FLOP ratio {interval(result['flop_ratio'])}")
    parts.append(f"{mebibytes(result['weight_bytes'])} MiB of weights")
    probes = result.get("probes")
    if probes:
        middle = lambda values: sorted(values)[len(values) // 2]
        parts.append(f"probes {middle(probes['fma']):.0f} GFLOP/s, {middle(probes['read']):.1f} GB/s")
    return ", ".join(parts)


def refusals(result):
    """-> (engine, why it is not in the table) of each that is not"""
    words = {"refused": "not run", "untimed": "not timed"}
    return [
        (row["title"], f"{words[row['state']]}: {row['reason']}")
        for row in result["engines"].values()
        if row["state"] != "timed"
    ]


def notes(result):
    """What builds cost and changed, in lines of an engine each."""
    for row in result["engines"].values():
        build = row.get("build")
        if not build:
            continue
        text = f"compiled in {build['seconds']:.1f} s, peak memory {mebibytes(build['peak_bytes'])} MiB"
        if "library_bytes" in build:
            text += (
                f", library {build['library_bytes'] / 2**10:.0f} KiB, "
                f"weights {mebibytes(build['weights_bytes'])} MiB"
            )
        if "fused" in build:
            fused = ", ".join(f"{count} {name}" for name, count in build["fused"].items())
            text += f"; fused {fused or 'nothing'}"
        yield row["title"], text
        for sentence in build.get("approximations", ()):
            yield row["title"], sentence


def fastest(result):
    """The peer that took the least time, or None."""
    peers = {name: row for name, row in result["engines"].items() if name not in engines.OURS}
    rows = [row for row in peers.values() if "ratio" in row]
    return min(rows, key=lambda row: row["seconds"][0], default=None)


def padding_line(result):
    """How much of what padding costs its removal saves, or None."""
    for name in engines.OURS:
        row = result["engines"].get(name, {})
        if "of_flop_ratio" in row:
            return f"{row['title']}: ratio over FLOP ratio {interval(row['of_flop_ratio'])}"
    return None


def table(result):
    rows = [cells(row) for row in result["engines"].values() if row["state"] == "timed"]
    lines = [f"{result['name']}: {result['title']}", f"  {work_line(result)}"]
    if rows:
        rows.insert(0, COLUMNS)
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            padded = [row[0].ljust(widths[0])]
            padded += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            lines.append("  " + "  ".join(padded))
    best = fastest(result)
    if best:
        lines.append(f"  the fastest peer is {best['title']}: ratio {interval(best['ratio'])}")
    if "twin_flops" in result:
        for row in result["engines"].values():
            if "of_flop_ratio" in row:
                lines.append(f"  {row['title']}: ratio over FLOP ratio {interval(row['of_flop_ratio'])}")
        return "\n".join(lines + _remarks(result))
    padding = padding_line(result)
    lines += [f"  {padding}"] if padding else []
    return "\n".join(lines + _remarks(result))


def _remarks(result):
    lines = [f"  {title}: {reason}" for title, reason in refusals(result)]
    return lines + [f"  {title}: {text}" for title, text in notes(result)]

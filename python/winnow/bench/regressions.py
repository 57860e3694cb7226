"""Ratios that are kept, and what has become of them."""

import json

from .errors import BenchError, UsageError


def ratios(results):
    """-> {workload: {peer: (median, low, high)}} of what was timed"""
    return {
        result["name"]: {
            name: row["ratio"] for name, row in result["engines"].items() if "ratio" in row
        }
        for result in results
    }


def store(path, results, facts):
    """Keeps the lower end of each interval: what could be counted on."""
    kept = {
        workload: {peer: round(low, 3) for peer, (_, low, _) in peers.items()}
        for workload, peers in ratios(results).items()
    }
    with open(path, "w") as file:
        json.dump({"cpu": facts["cpu"], "threads": facts["threads"], "ratios": kept}, file, indent=1)
        file.write("\n")


def read(path, threads):
    """What `store` wrote, which holds for as many threads."""
    try:
        with open(path) as file:
            stored = json.load(file)
        kept = stored["ratios"]
        kept.items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(f"expected '{path}' to be written by --store: {error}") from None
    if stored.get("threads") != threads:
        raise UsageError(
            f"expected --threads {stored.get('threads')}, as the ratios of '{path}' were "
            f"measured with, got {threads}"
        )
    return kept


def check(stored, results):
    """-> a sentence for each regression: a workload of this run whose interval
    lies below what is stored, or which has no interval any more."""
    found = []
    measured = ratios(results)
    asked = {result["name"]: result["engines"] for result in results}
    for workload, peers in stored.items():
        for peer, least in peers.items():
            if workload not in measured or peer not in asked[workload]:
                continue
            if peer not in measured[workload]:
                rows = asked[workload]
                why = rows["winnow"].get("reason") or rows[peer].get("reason")
                found.append(f"{workload}: the ratio to {peer} was {least:.3f} and is none: {why}")
                continue
            median, low, high = measured[workload][peer]
            if high < least:
                found.append(
                    f"{workload}: the ratio to {peer} was {least:.3f} and is {median:.3f}, "
                    f"95 % interval [{low:.3f}, {high:.3f}]"
                )
    return found

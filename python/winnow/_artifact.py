"""Finding the files of a compiled model."""

import json
import os

from ._errors import NotFoundError


def _read_report(path):
    """The report in a .json file, or None if it is something else."""
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (OSError, ValueError):
        return None
    if isinstance(report, dict) and report.get("format") == "winnow-report":
        return report
    return None


def find_artifact(path):
    """-> (library, weights, name, report) of a folder or of a .so. The report
    is {} where there is none beside the library."""
    if os.path.isdir(path):
        reports = {}
        for entry in sorted(os.listdir(path)):
            report = _read_report(os.path.join(path, entry)) if entry.endswith(".json") else None
            if report:
                reports[report["name"]] = report
        if len(reports) != 1:
            found = ", ".join(f"'{name}'" for name in reports) or "none"
            raise NotFoundError(
                f"expected one compiled model in '{path}', got {found}; make it with "
                "winnow.compile, or give the path of one's .so"
            )
        (name,) = reports
        folder, library = path, os.path.join(path, name + ".so")
    else:
        folder, file = os.path.split(path)
        name, library = file[: -len(".so")], path
        reports = {name: _read_report(os.path.join(folder, name + ".json")) or {}}
    if not os.path.exists(library):
        raise NotFoundError(
            f"expected the shared library '{library}', got no file; compile with emit='shared'"
        )
    weights = os.path.join(folder, name + ".weights")
    return os.path.abspath(library), weights, name, reports[name]

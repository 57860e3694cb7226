"""The suite's test format. A module of its own, since lit's workers unpickle it."""

import lit.formats


class ShTestWithRunLines(lit.formats.ShTest):
    """ShTest that takes a .py file for a test only if it names a command to run."""

    def getTestsInDirectory(self, suite, path, lit_config, local_config):
        for test in super().getTestsInDirectory(suite, path, lit_config, local_config):
            source = test.getSourcePath()
            if source.endswith(".py"):
                with open(source, encoding="utf-8", errors="replace") as file:
                    if "RUN" + ":" not in file.read():
                        continue
            yield test

#include "Arguments.h"

#include "winnow/Driver/Driver.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace llvm;
using namespace winnow;

namespace {
/// The Python that runs the benchmarks, and where the package is if that Python
/// need not have it.
struct Interpreter {
  std::string path, packages;
};
} // namespace

/// The repository that holds this driver's build, or nothing.
static std::string findRepository(StringRef driver) {
  SmallString<256> folder = sys::path::parent_path(driver);
  for (; !folder.empty() && folder != "/"; sys::path::remove_filename(folder)) {
    SmallString<256> script = folder;
    sys::path::append(script, "tools", "bench-setup.sh");
    if (sys::fs::exists(script))
      return folder.str().str();
  }
  return "";
}

static Expected<Interpreter> findInterpreter(StringRef driver) {
  if (std::optional<std::string> chosen = sys::Process::GetEnv("WINNOW_BENCH_PYTHON")) {
    if (sys::fs::can_execute(*chosen))
      return Interpreter{*chosen, ""};
    return createStringError("expected $WINNOW_BENCH_PYTHON to name a Python, got '%s'",
                             chosen->c_str());
  }
  std::string repository = findRepository(driver);
  if (repository.empty()) {
    // An installed package: its own Python is the one on the PATH.
    if (ErrorOr<std::string> python = sys::findProgramByName("python3"))
      return Interpreter{*python, ""};
    return createStringError("expected python3 on the PATH, found none");
  }
  for (StringRef name : {".venv-bench", ".venv"}) {
    SmallString<256> python(repository);
    sys::path::append(python, name, "bin", "python");
    if (sys::fs::can_execute(python))
      return Interpreter{python.str().str(), repository + "/python"};
  }
  return createStringError("expected the benchmarks' environment in '%s/.venv-bench', found none; "
                           "run %s/tools/bench-setup.sh",
                           repository.c_str(), repository.c_str());
}

/// The package's folders precede what PYTHONPATH held.
static void prependPythonPath(StringRef packages) {
  std::string path = packages.str();
  if (const char *rest = std::getenv("PYTHONPATH"); rest && *rest)
    path += std::string(":") + rest;
  setenv("PYTHONPATH", path.c_str(), /*overwrite=*/1);
}

/// Whether the harness can start, without the seconds that importing takes.
static bool hasPackages(StringRef python) {
  const char *probe = "import importlib.util, sys\n"
                      "names = 'winnow', 'numpy', 'onnx', 'onnxruntime'\n"
                      "sys.exit(not all(map(importlib.util.find_spec, names)))";
  return sys::ExecuteAndWait(python, {python, "-c", probe}) == 0;
}

int winnow::runBench(int argc, char **argv) {
  std::string driver = sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&runBench));
  Expected<Interpreter> python = findInterpreter(driver);
  if (!python) {
    errs() << "winnow: error: " << toString(python.takeError()) << "\n";
    return kExitFailure;
  }
  // The harness compiles with this driver.
  setenv("WINNOW", driver.c_str(), /*overwrite=*/0);
  if (!python->packages.empty())
    prependPythonPath(python->packages);
  if (!hasPackages(python->path)) {
    errs() << "winnow: error: expected the Python packages winnow, numpy, onnx and onnxruntime "
           << "for '" << python->path << "', not all are there; run tools/bench-setup.sh in "
           << "Winnow's repository, or set WINNOW_BENCH_PYTHON to a Python that has them\n";
    return kExitFailure;
  }
  std::vector<char *> command;
  for (StringRef word : {StringRef(python->path), StringRef("-m"), StringRef("winnow.bench")})
    command.push_back(strdup(word.str().c_str()));
  command.insert(command.end(), argv + 2, argv + argc);
  command.push_back(nullptr);
  execv(command[0], command.data());
  errs() << "winnow: error: cannot run '" << python->path << "': " << std::strerror(errno) << "\n";
  return kExitFailure;
}

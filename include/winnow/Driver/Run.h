//===- Run.h - Running a compiled model on arrays in files ----------------===//

#ifndef WINNOW_DRIVER_RUN_H
#define WINNOW_DRIVER_RUN_H

#include "winnow/Driver/Npz.h"
#include "winnow/Driver/Profile.h"

#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace winnow {

struct RunOptions {
  std::string artifact;    ///< the folder of a compile, or its .so
  std::string inputsFile;  ///< .npz with arrays keyed by input name, or empty
  std::string outputsFile; ///< .npz to write, or empty
  /// `NAME=FILE.npy` as given; an input here goes before that of inputsFile.
  std::vector<std::string> inputs, outputs;
  int threads = 0; ///< 0: all cores
  int repeat = 1;  ///< timed runs, at least 1
  bool profile = false; ///< one run before them does not count
};

struct RunResult {
  std::vector<double> milliseconds; ///< of each run, in order
  int threads = 0;                  ///< that were used
  std::string cpuLevel;             ///< of the code that ran
  Profile profile;                  ///< empty unless asked for

  double median() const;
};

/// A model that stays open between runs on arrays in memory.
class ArrayRunner {
public:
  static llvm::Expected<ArrayRunner> open(llvm::StringRef artifact, int threads);
  ArrayRunner(ArrayRunner &&);
  ~ArrayRunner();
  llvm::Expected<std::vector<NamedArray>> run(llvm::ArrayRef<NamedArray> inputs);
  std::vector<std::string> inputNames() const;
  std::vector<std::string> outputNames() const;

private:
  struct State;
  explicit ArrayRunner(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

/// Opens the model and runs it once on arrays in memory.
llvm::Expected<std::vector<NamedArray>> runArrays(llvm::StringRef artifact,
                                                  llvm::ArrayRef<NamedArray> inputs, int threads);

/// Opens the model, runs it and writes the outputs that were asked for.
llvm::Expected<RunResult> runModel(const RunOptions &options);

} // namespace winnow

#endif // WINNOW_DRIVER_RUN_H

//===- Arguments.h - Options by name --------------------------------------===//

#ifndef WINNOW_LIB_DRIVER_ARGUMENTS_H
#define WINNOW_LIB_DRIVER_ARGUMENTS_H

#include "winnow/Import/ONNX/Import.h"

#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"

namespace winnow {

enum OptionID {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

/// Prints `winnow: error: ...` and how to get help; returns kExitUsage.
int reportUsage(const llvm::Twine &message);

/// `NAME=N` or `NAME=A..B`.
bool parseDim(llvm::StringRef text, ImportOptions::DimOverride &dim);

/// Dimensions, and the limits on what a model may ask for, of which that on
/// memory holds from here on. Returns the exit code, with the error printed.
int parseImportOptions(const llvm::opt::InputArgList &args, ImportOptions &options);

/// `winnow bench ARGS`: becomes the Python harness, which reads the arguments.
int runBench(int argc, char **argv);
int runCalibrate(const llvm::opt::InputArgList &args, llvm::ArrayRef<std::string> positional);
int runCheck(const llvm::opt::InputArgList &args, llvm::ArrayRef<std::string> positional);
int runCompile(const llvm::opt::InputArgList &args, llvm::ArrayRef<std::string> positional);
int runProbe(const llvm::opt::InputArgList &args, llvm::ArrayRef<std::string> positional);
int runRun(const llvm::opt::InputArgList &args, llvm::ArrayRef<std::string> positional);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_ARGUMENTS_H

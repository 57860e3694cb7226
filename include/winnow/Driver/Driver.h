//===- Driver.h - The `winnow` command ------------------------------------===//

#ifndef WINNOW_DRIVER_DRIVER_H
#define WINNOW_DRIVER_DRIVER_H

#include "llvm/ADT/StringRef.h"

namespace winnow {

/// What the process returns; documented in docs/errors.md.
enum ExitCode {
  kExitSuccess = 0,
  kExitFailure = 1, ///< the model, the artefact or the data was refused
  kExitUsage = 2,   ///< the command line was
  kExitInternal = 3 ///< a defect of winnow
};

/// Runs one command line. Prints to stdout and stderr.
int runDriver(int argc, char **argv);

} // namespace winnow

#endif // WINNOW_DRIVER_DRIVER_H

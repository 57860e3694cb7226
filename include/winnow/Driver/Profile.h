//===- Profile.h - Where the time of runs goes ----------------------------===//

#ifndef WINNOW_DRIVER_PROFILE_H
#define WINNOW_DRIVER_PROFILE_H

#include "winnow/runtime.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace winnow {

struct Profile {
  struct Op {
    std::string kind, nodes;
  };
  std::vector<Op> ops;
  std::vector<winnow_profile_event> events;
  int runs = 0, threads = 0;
  std::string cpuLevel; ///< of the code that ran
  /// Of all threads by their CPU time, measured beside the runs: FLOP/s and bytes/s.
  double fmaRate = 0, bandwidth = 0;
};

/// Two tables: by kind, and of the operations that took most time. Each row is that
/// of the run in which it took its median time. `of FMA` and `of mem` are shares of
/// what the machine can do (see Probe.h); data in caches makes the second more than
/// 1. `threads` is how many were busy on average.
void printProfile(llvm::raw_ostream &os, const Profile &profile);

/// A table of the operations that leave out what zeros make needless, in the model's
/// order: which share of the activations that they looked at is not zero (the mean of all
/// runs, the least and the greatest), and with which share they computed: `density`
/// where all blocks of rows were sparse, 1 where none was.
void printDensities(llvm::raw_ostream &os, const Profile &profile);

/// The events in Chrome's trace format, which chrome://tracing and Perfetto show: a
/// row for the operations and one for the work of each thread.
llvm::Error writeTrace(llvm::StringRef path, const Profile &profile);

} // namespace winnow

#endif // WINNOW_DRIVER_PROFILE_H

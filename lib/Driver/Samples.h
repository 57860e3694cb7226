//===- Samples.h - Calibration data, sample by sample ---------------------===//

#ifndef WINNOW_LIB_DRIVER_SAMPLES_H
#define WINNOW_LIB_DRIVER_SAMPLES_H

#include "winnow/Driver/Npz.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace winnow {

/// Arrays of which the first dimension is samples, in an .npz file or in each of a folder's. One
/// file at a time is in memory.
class Samples {
public:
  static llvm::Expected<Samples> open(llvm::StringRef path);

  /// Calls back with the inputs of each run: a sample, or as many as the model's batch is fixed
  /// to. Ends after `limit` runs, 0 for no limit.
  llvm::Error forEach(mlir::func::FuncOp entry, size_t limit,
                      llvm::function_ref<llvm::Error(std::vector<NamedArray> inputs)> use) const;
  size_t getNumFiles() const { return files.size(); }

private:
  std::vector<std::string> files;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_SAMPLES_H

//===- Verify.h - Runs the model before and after each pass ---------------===//
//
// Translation validation: every module between two passes is compiled and run on the
// same inputs, random and adversarial or given, and its outputs are compared with
// those before the pass.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DRIVER_VERIFY_H
#define WINNOW_LIB_DRIVER_VERIFY_H

#include "winnow/Driver/Npz.h"
#include "winnow/Pipeline/Pipeline.h"

#include <memory>

namespace winnow {

class Verifier {
public:
  /// Reads its inputs from an .npz file, or makes them if the path is empty.
  explicit Verifier(llvm::StringRef inputsFile) : inputsFile(inputsFile) {}

  /// Fails, with a message, at the first pass after which outputs differ.
  llvm::LogicalResult check(const Snapshot &snapshot);

  /// A pass changed what the model computes, or made it fail.
  bool foundDefect() const { return defect; }
  /// `5 passes, 7 inputs`.
  std::string summarize() const;

private:
  struct Case {
    std::string what;
    std::vector<NamedArray> inputs;
    /// What the last module gave: outputs, or why it failed.
    std::vector<NamedArray> outputs;
    std::string failure;
  };

  llvm::LogicalResult start(const Snapshot &snapshot);
  /// What differs after the pass, or nothing.
  std::string compare(const Case &before, const std::vector<NamedArray> &after,
                      mlir::ModuleOp module) const;

  std::string inputsFile;
  std::vector<Case> cases;
  size_t numReports = 0, numPasses = 0;
  bool defect = false;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_VERIFY_H

//===- Accuracy.h - What approximations change, on the user's data --------===//

#ifndef WINNOW_LIB_DRIVER_ACCURACY_H
#define WINNOW_LIB_DRIVER_ACCURACY_H

#include "winnow/Driver/Run.h"
#include "winnow/Pipeline/Pipeline.h"

#include "llvm/Support/Error.h"
#include <optional>

namespace winnow {

/// How an output differs from what the exact model gives.
enum class Metric {
  RelativeL2, ///< |got - exact| / |exact|, of all elements of all inputs
  MaxAbs,     ///< the largest |got - exact|
  Cosine,     ///< of the angle between both, all elements of all inputs as one vector
  Top1,       ///< the share of rows of which the largest element is the same
  MSEGrowth,  ///< by how much the mean squared error against targets grows, 0.01 is 1 %
  MAEGrowth   ///< the same of the mean absolute error
};

/// `OUTPUT:METRIC=VALUE` or `METRIC=VALUE`, for all outputs: cosine and top1 are at least, all
/// others at most the value.
struct BudgetEntry {
  std::string output;
  Metric metric;
  double value;
};
llvm::Expected<BudgetEntry> parseBudgetEntry(llvm::StringRef text);

/// Runs models on calibration data: every second input, from the first on, chooses, the others
/// measure. Of one input both. An array with the name of an output is its target, what it should
/// be in truth.
class CalibratedJudge : public AccuracyJudge {
public:
  /// `path` is an .npz file, one input, or a folder of them, in the order of their names.
  static llvm::Expected<CalibratedJudge> load(llvm::StringRef path,
                                              std::vector<BudgetEntry> budget);

  llvm::LogicalResult setReference(llvm::StringRef directory) override;
  bool hasBudget() const override { return !budget.empty(); }
  llvm::FailureOr<Verdict> judge(llvm::StringRef directory, Part part) override;
  size_t getNumRuns() const override { return cases.size(); }
  Part getPart(size_t run) const override { return run % 2 == 0 ? Part::Choose : Part::Measure; }
  llvm::LogicalResult
  observe(llvm::StringRef directory,
          llvm::function_ref<void(size_t, size_t, llvm::ArrayRef<float>)> use) override;

private:
  llvm::LogicalResult
  forEachRun(llvm::StringRef directory, llvm::StringRef what,
             llvm::function_ref<bool(size_t run)> isUsed,
             llvm::function_ref<void(size_t run, std::vector<NamedArray> outputs)> use) const;

  struct Case {
    std::string file;
    std::vector<NamedArray> inputs, outputs, targets;
  };

  void takeTargets(const ArrayRunner &runner);
  llvm::Error checkTargets() const;
  llvm::Error checkBudget() const;

  std::vector<Case> cases;
  std::vector<BudgetEntry> budget;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_ACCURACY_H

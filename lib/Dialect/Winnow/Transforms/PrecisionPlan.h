//===- PrecisionPlan.h - Which site gets how many bits --------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_PRECISIONPLAN_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_PRECISIONPLAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace winnow {

/// One way to do a site: what it takes of the budget, and what it loses.
struct PlanOption {
  double size, loss;
};

/// The option of each site that loses least in all while the sizes add up to `budget` at most, or
/// nothing if no choice does. With a bound on the loss instead, the smallest choice that keeps it.
/// A multiple-choice knapsack by dynamic programming over sizes that are rounded up: what it
/// gives keeps the budget. Of equal choices the first option of the first site wins.
std::optional<llvm::SmallVector<unsigned>>
planPrecision(llvm::ArrayRef<llvm::SmallVector<PlanOption>> sites, double budget,
              std::optional<double> maxLoss = std::nullopt);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_PRECISIONPLAN_H

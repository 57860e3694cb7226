//===- PaddingCost.h - When removing padding pays -------------------------===//
//
// What runs on valid tokens only saves time where there is padding; packing and unpacking values
// costs time always. Both are estimated for a token, in bytes that are read or written: an
// operation on numbers counts as a part of a byte, as in a roofline (Williams et al., CACM 2009).
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_PADDINGCOST_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_PADDINGCOST_H

#include "PackPlan.h"

namespace winnow {

struct PaddingCost {
  double work = 0;  ///< bytes of what a padded token would cost in packed ops
  double moved = 0; ///< bytes of packing and unpacking

  /// From which share of padding in a batch on removing it pays.
  double getBreakEven() const { return work > 0 ? moved / work : 1; }
  /// Batches of sequences of different lengths are padded by a quarter and more.
  bool gains() const { return getBreakEven() < 0.25; }
};

PaddingCost estimateCost(mlir::func::FuncOp entry, const PaddingAnalysis &analysis,
                         const PackPlan &plan, unsigned space);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_PADDINGCOST_H

//===- MaskBand.h - Masks that hide all keys after a diagonal -------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_MASKBAND_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_MASKBAND_H

#include "Utils.h"

namespace winnow {

/// Where a tensor's dimensions lie among the four of a mask, batch, heads,
/// queries and keys; -1 for those of size 1.
using Places = llvm::SmallVector<int>;

/// Key `j` is visible to query `i` exactly when `j <= i + offset`, or always.
struct Band {
  mlir::AffineExpr offset;
  bool isAlways = false;
  /// What hidden elements are, in a tensor of floats.
  double fill = 0;
};

/// The band that a comparison of positions makes.
std::optional<Band> getComparedBand(CompareOp op, mlir::ArrayRef<int> places, bool isHidden);

/// The band that a constant, or a slice of one, holds: of booleans, or of floats
/// that are 0 or one very low number. `isHidden` swaps booleans.
std::optional<Band> getConstantBand(mlir::Value value, mlir::ArrayRef<int> places, bool isHidden);

/// The places of an operand of fewer or smaller dimensions.
Places alignPlaces(mlir::ArrayRef<int> places, mlir::Value operand);
/// Places through an op that only moves or repeats dimensions; absent where
/// dimensions are joined or split.
std::optional<Places> getInputPlaces(mlir::Operation *op, mlir::ArrayRef<int> places);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_MASKBAND_H

//===- Dominators.h - What a value is a function of ----------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_DOMINATORS_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_DOMINATORS_H

#include "PolynomialForm.h"

namespace winnow {

/// Walks up from some values, through ops that `isKnown` accepts, to those that all paths
/// go through, nearest first.
class Dominators {
public:
  Dominators(mlir::ValueRange values, mlir::Block *block,
             llvm::function_ref<bool(mlir::Operation *)> isKnown);

  /// The next one, or null.
  mlir::Value next();

private:
  void add(mlir::Value value);

  /// How far above the values the walk goes.
  static constexpr unsigned kMaxOps = 512;

  mlir::Block *block;
  llvm::function_ref<bool(mlir::Operation *)> isKnown;
  llvm::SmallVector<mlir::Value> frontier;
  mlir::Value last;
  unsigned numOps = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_DOMINATORS_H

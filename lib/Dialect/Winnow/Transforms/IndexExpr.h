//===- IndexExpr.h - Integer tensors that are linear in their position ----===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_INDEXEXPR_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_INDEXEXPR_H

#include "winnow/Dialect/Winnow/IR/Dims.h"

#include "mlir/IR/Value.h"

namespace winnow {

/// `value[i0, i1, ...] = offset + sum_d coefficients[d] * i_d`, with expressions
/// over the function's symbols. The coefficient of a unit dimension is 0.
struct LinearIndex {
  Dims dims;
  Dims coefficients;
  mlir::AffineExpr offset;
  unsigned numSymbols;

  /// No element is negative, for all symbols.
  bool isNonNegative() const;
  /// The same number everywhere.
  bool isUniform() const;
};

/// What an integer tensor is, through iota, constants, sizes, arithmetic and
/// movement; null where it is not provably linear.
std::optional<LinearIndex> getLinearIndex(mlir::Value value);

/// The parts of tuples of indices, which lie in the last dimension: each over the
/// shape of `tuples` with 1 for that.
std::optional<llvm::SmallVector<LinearIndex>> getLinearTuple(mlir::Value tuples);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_INDEXEXPR_H

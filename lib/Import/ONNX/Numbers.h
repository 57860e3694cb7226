//===- Numbers.h - Integers that are computed at run time -----------------===//
//
// Shapes, axes and positions that data gives are computed by winnow ops on
// small 64-bit integer tensors: of rank 0, or of rank 1 where they are called
// vectors, whose length may be dynamic.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_NUMBERS_H
#define WINNOW_LIB_IMPORT_ONNX_NUMBERS_H

#include "OpImporter.h"

namespace winnow::import {

class Numbers {
public:
  explicit Numbers(OpImporter &n) : n(n) {}

  mlir::Value constant(int64_t value) const { return size(n.constant(value)); }
  mlir::Value size(mlir::AffineExpr dim) const {
    return n.makeKnown(KnownTensor{n.b.getI64Type(), {}, {dim}});
  }
  /// An integer input of any rank as a vector.
  mlir::Value vector(size_t input) const;
  /// An input of one element.
  mlir::Value scalar(size_t input) const;
  mlir::Value at(mlir::Value vector, int64_t position) const;
  /// An element that is a number or a size all the same, null where data gives it:
  /// exporters join both to one shape.
  mlir::AffineExpr knownAt(mlir::Value vector, int64_t position) const;
  mlir::Value sum(mlir::Value vector) const;
  /// The vector of scalars.
  mlir::Value join(mlir::ArrayRef<mlir::Value> scalars) const;

  mlir::Value add(mlir::Value a, mlir::Value b) const { return n.make<AddOp>(a, b); }
  mlir::Value sub(mlir::Value a, mlir::Value b) const { return n.make<SubOp>(a, b); }
  mlir::Value mul(mlir::Value a, mlir::Value b) const { return n.make<MulOp>(a, b); }
  mlir::Value max(mlir::Value a, mlir::Value b) const { return n.make<MaximumOp>(a, b); }
  mlir::Value min(mlir::Value a, mlir::Value b) const { return n.make<MinimumOp>(a, b); }
  /// Truncates; the divisor is not 0.
  mlir::Value div(mlir::Value a, mlir::Value b) const { return n.make<DivOp>(a, b); }
  mlir::Value equal(mlir::Value a, mlir::Value b) const {
    return n.compare(ComparePredicate::EQ, a, b);
  }
  mlir::Value less(mlir::Value a, mlir::Value b) const {
    return n.compare(ComparePredicate::LT, a, b);
  }
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no) const {
    return n.make<SelectOp>(condition, yes, no);
  }
  mlir::Value clamp(mlir::Value x, mlir::Value low, mlir::Value high) const {
    return min(max(x, low), high);
  }
  /// x, or x + size where x is negative.
  mlir::Value wrap(mlir::Value x, mlir::Value size) const {
    return select(less(x, constant(0)), add(x, size), x);
  }

  /// Fails the run unless the condition, of rank 0, holds.
  void require(mlir::Value condition) const;

private:
  OpImporter &n;
};

/// Which dimensions a vector of axes names; `axes` count from the end where they
/// are negative. One condition of rank 0 a dimension.
llvm::SmallVector<mlir::Value> findAxes(OpImporter &n, mlir::Value axes, int64_t rank);

/// What findAxes found, for a value that comes with each axis: `otherwise` for
/// dimensions without an axis.
llvm::SmallVector<mlir::Value> pickByAxis(OpImporter &n, mlir::Value axes, int64_t rank,
                                          mlir::Value values,
                                          mlir::ArrayRef<mlir::Value> otherwise);

/// Binds each number as a size: the result's dimensions.
Dims bindSizes(OpImporter &n, mlir::ArrayRef<mlir::Value> numbers, llvm::StringRef what);

/// The input's elements in the row-major order in a shape whose sizes data gave: the
/// run fails unless the numbers of elements are equal.
mlir::Value reshapeChecked(OpImporter &n, mlir::Value input, mlir::ArrayRef<mlir::AffineExpr> dims);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_NUMBERS_H

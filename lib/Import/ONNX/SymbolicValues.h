//===- SymbolicValues.h - Integers known up to symbols --------------------===//
//
// Shape arithmetic is evaluated while importing: a small integer tensor made
// of constants and dimensions is known element by element.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_SYMBOLICVALUES_H
#define WINNOW_LIB_IMPORT_ONNX_SYMBOLICVALUES_H

#include "Symbols.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace winnow::import {

/// More elements than any shape has are data, not shape arithmetic.
inline constexpr int64_t kMaxKnownElements = 32;

/// A static integer or boolean tensor whose elements are expressions, in
/// row-major order.
struct KnownTensor {
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<mlir::AffineExpr> elements;

  int64_t rank() const { return shape.size(); }
  /// All elements as numbers, if they are.
  std::optional<llvm::SmallVector<int64_t>> getConstants() const;
};

/// The elements if the attribute is a small integer or boolean tensor.
std::optional<KnownTensor> getKnownTensor(mlir::ElementsAttr attr);

/// numpy broadcasting of one or more tensors; absent if the shapes do not fit,
/// the result is too large, or `compute` returns null for an element.
std::optional<KnownTensor>
mapElements(llvm::ArrayRef<const KnownTensor *> operands, mlir::Type elementType,
            llvm::function_ref<mlir::AffineExpr(llvm::ArrayRef<mlir::AffineExpr>)> compute);

/// A tensor of `shape` whose element at `index` is `source`'s element at
/// `map(index)`; absent if it is too large or an index is out of range.
std::optional<KnownTensor>
rearrange(const KnownTensor &source, llvm::ArrayRef<int64_t> shape,
          llvm::function_ref<llvm::SmallVector<int64_t>(llvm::ArrayRef<int64_t>)> map);

/// `count` elements from `start` along an axis in [0, rank); absent if some are
/// out of range.
std::optional<KnownTensor> sliceKnown(const KnownTensor &source, int64_t axis, int64_t start,
                                      int64_t count);

/// Joins along an axis in [0, rank).
std::optional<KnownTensor> concatenate(llvm::ArrayRef<const KnownTensor *> operands, int64_t axis);

/// The product of a static shape, absent above kMaxKnownElements.
std::optional<int64_t> getSmallSize(llvm::ArrayRef<int64_t> shape);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_SYMBOLICVALUES_H

//===- Window.h - Operators that slide a window ---------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_WINDOW_H
#define WINNOW_LIB_IMPORT_ONNX_WINDOW_H

#include "OpImporter.h"

namespace winnow::import {

/// The attributes that convolutions and pools share, one entry per spatial
/// dimension.
struct Window {
  llvm::SmallVector<int64_t> kernel, strides, dilations, before, after;
  /// Those of `after` that only complete the last window, under ceil_mode.
  llvm::SmallVector<int64_t> completion;
  /// Where the first window starts in the padded dimension, and how many
  /// windows there are; null where as many follow as fit.
  llvm::SmallVector<mlir::AffineExpr> starts, counts;

  size_t rank() const { return kernel.size(); }
  /// The kernel's sizes are those of the weights, in the run.
  bool isDynamic() const { return llvm::is_contained(kernel, 0); }
  /// From a window's first element to its last.
  int64_t reach(size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
  bool isPadded(size_t i) const { return before[i] != 0 || after[i] != 0; }
  bool isPadded() const;
  /// The window of one dimension alone.
  Window only(size_t i) const;
  /// The windows tile the input: each element is in exactly one.
  bool isPartition() const;
};

/// The kernel's sizes: the weights' dimensions, or where those are dynamic the
/// attribute kernel_shape. All are 0 if nothing tells one of them, which is
/// unsupported unless they may be dynamic.
llvm::SmallVector<int64_t> getKernel(OpImporter &n, mlir::ArrayRef<mlir::AffineExpr> dims,
                                     bool canBeDynamic);

/// Reads and checks the attributes; `kernel` comes from the weights for
/// convolutions and is empty for pools, which have an attribute.
Window getWindow(OpImporter &n, llvm::ArrayRef<int64_t> kernel);

/// Pads the spatial dimension `i`, which is dimension i + 2, or all of them with
/// `fill`.
mlir::Value pad(OpImporter &n, mlir::Value input, const Window &window, size_t i, double fill);
mlir::Value pad(OpImporter &n, mlir::Value input, const Window &window, double fill);

/// For every position in the kernel along one spatial dimension, the elements
/// of the (padded) input that it meets.
llvm::SmallVector<mlir::Value> getTaps(OpImporter &n, mlir::Value padded, const Window &window,
                                       size_t i);

/// For every position in the kernel, in row-major order, the elements of the
/// (padded) input that it meets: tensors [N, C, output...].
llvm::SmallVector<mlir::Value> getTaps(OpImporter &n, mlir::Value padded, const Window &window);

/// How many windows fit in a padded dimension; null with an error if that may be
/// none.
mlir::AffineExpr countWindows(OpImporter &n, mlir::AffineExpr padded, const Window &window,
                              size_t i);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_WINDOW_H

//===- Window.h - Operators that slide a window ---------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_WINDOW_H
#define WINNOW_LIB_IMPORT_ONNX_WINDOW_H

#include "OpImporter.h"

namespace winnow::import {

/// The attributes that convolutions and pools share, one entry per spatial
/// dimension.
struct Window {
  llvm::SmallVector<int64_t> kernel, strides, dilations, before, after;

  size_t rank() const { return kernel.size(); }
  bool isPadded() const;
  /// The windows tile the input: each element is in exactly one.
  bool isPartition() const;
};

/// Reads and checks the attributes; `kernel` comes from the weights for
/// convolutions and is empty for pools, which have an attribute.
Window getWindow(OpImporter &n, llvm::ArrayRef<int64_t> kernel);

/// Pads the spatial dimensions, those from 2 on, with `fill`.
mlir::Value pad(OpImporter &n, mlir::Value input, const Window &window, double fill);

/// For every position in the kernel, in row-major order, the elements of the
/// (padded) input that it meets: tensors [N, C, output...].
llvm::SmallVector<mlir::Value> getTaps(OpImporter &n, mlir::Value padded, const Window &window);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_WINDOW_H

//===- ResizeDim.h - One dimension, resized -------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_RESIZEDIM_H
#define WINNOW_LIB_IMPORT_ONNX_RESIZEDIM_H

#include "OpImporter.h"

namespace winnow::import {

/// A size of the result by one of the input.
struct Scale {
  /// An f32 of rank 0.
  mlir::Value value;
  std::optional<float> known;
};

/// Which attributes say how elements are picked.
struct ResizeForm {
  std::string mode, coordinates, rounding;
  bool isAntialiased = false, excludesOutside = false;
  double cubicCoefficient = -0.75, extrapolation = 0;

  bool hasRoi() const { return coordinates == "tf_crop_and_resize"; }
  /// What coordinates, weights and sums are computed in.
  mlir::Type getReal(mlir::Type element) const;
};

struct ResizedDim {
  int64_t dim;
  mlir::AffineExpr in, out;
  Scale scale;
  /// The size of the result before it is rounded.
  mlir::Value length;
  /// The part of the input that is resized, in [0, 1]; null for all of it.
  mlir::Value roiStart, roiEnd;
};

/// `x` with one dimension resized: picked elements, or sums that are not
/// converted back to the type of elements.
mlir::Value resizeDim(OpImporter &n, const ResizeForm &form, const ResizedDim &dim,
                      mlir::Value x);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_RESIZEDIM_H

//===- FourierTransform.h - Discrete Fourier transforms -------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_FOURIERTRANSFORM_H
#define WINNOW_LIB_IMPORT_ONNX_FOURIERTRANSFORM_H

#include "OpImporter.h"

namespace winnow::import {

struct Fourier {
  mlir::AffineExpr length;
  bool isInverse, isOnesided;

  /// From the first half of a spectrum to real numbers.
  bool isToReal() const { return isInverse && isOnesided; }
  mlir::AffineExpr getHalf() const { return normalizeDim(length.floorDiv(2) + 1); }
};

/// Transforms the last dimension but one of a tensor whose last one holds the
/// parts of each number, one (real) or two (complex).
mlir::Value transformRows(OpImporter &n, mlir::Value x, const Fourier &fourier);

/// The first `size` elements of an axis, zeros where it has fewer.
mlir::Value fit(OpImporter &n, mlir::Value x, int64_t axis, mlir::AffineExpr size);

mlir::Value swapAxes(OpImporter &n, mlir::Value x, int64_t first, int64_t second);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_FOURIERTRANSFORM_H

//===- Quantization.h - Exact arithmetic on quantised tensors -------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_QUANTIZATION_H
#define WINNOW_LIB_IMPORT_ONNX_QUANTIZATION_H

#include "OpImporter.h"

namespace winnow::import {

/// A scale or zero point as it broadcasts against the quantised tensor: one
/// value, one per index of `axis`, or one per block of `block` indices.
mlir::Value alignParameter(OpImporter &n, mlir::Value parameter, mlir::Value input, int64_t axis,
                           int64_t block);

/// (a - aZero)(b - bZero) in 32-bit integers. A zero point is null, one value, one
/// per row of `a` or one per column of `b`.
mlir::Value multiplyIntegers(OpImporter &n, mlir::Value a, mlir::Value aZero, mlir::Value b,
                             mlir::Value bZero);

/// (x - zeroPoint) * scale in f32. The scale and the zero point, which may be null, are
/// one value each.
mlir::Value dequantize(OpImporter &n, mlir::Value x, mlir::Value scale, mlir::Value zeroPoint);
/// round(numbers / scale) + zeroPoint as `to`, saturated.
mlir::Value quantize(OpImporter &n, mlir::Value numbers, mlir::Value scale, mlir::Value zeroPoint,
                     mlir::Type to);

struct Quantized {
  /// Unsigned 8-bit integers; (values - zeroPoint) * scale are the numbers.
  mlir::Value values, scale, zeroPoint;
};

/// The input in the 8-bit range that holds zero and all elements.
Quantized quantizeDynamically(OpImporter &n, mlir::Value x);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_QUANTIZATION_H

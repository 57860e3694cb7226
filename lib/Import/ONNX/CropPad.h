//===- CropPad.h - A dimension cut off or filled up -----------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_CROPPAD_H
#define WINNOW_LIB_IMPORT_ONNX_CROPPAD_H

#include "OpImporter.h"

namespace winnow::import {

/// `x` with `size` elements along `axis`: the first ones or, centred, the middle
/// ones, with zeros where there are not as many.
mlir::Value cropOrPad(OpImporter &n, mlir::Value x, int64_t axis, mlir::AffineExpr size,
                      bool isCentred);

/// `x` with a slice of zeros after the last one along `axis`.
mlir::Value appendZeros(OpImporter &n, mlir::Value x, int64_t axis);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_CROPPAD_H

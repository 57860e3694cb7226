//===- RotaryEmbedding.h - What attention needs of it ---------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_ROTARYEMBEDDING_H
#define WINNOW_LIB_IMPORT_ONNX_ROTARYEMBEDDING_H

#include "OpImporter.h"

namespace winnow::import {

/// Turns [batch, length, heads, size], or with `headsAxis` 1 [batch, heads, length,
/// size], by one row of angles [batch or 1, length, pairs] a token. `rotated` is how
/// many elements of a head are turned, 0 for all.
mlir::Value turn(OpImporter &n, mlir::Value x, int64_t headsAxis, mlir::Value cos, mlir::Value sin,
                 int64_t rotated, bool interleaved);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_ROTARYEMBEDDING_H

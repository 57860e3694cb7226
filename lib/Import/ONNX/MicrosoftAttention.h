//===- MicrosoftAttention.h - Masks of ONNX Runtime's attention -----------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_MICROSOFTATTENTION_H
#define WINNOW_LIB_IMPORT_ONNX_MICROSOFTATTENTION_H

#include "DenseAttention.h"

namespace winnow::import {

/// Adds what `mask_filter_value` is for: a number that is added to the scores of
/// keys that the integer input `mask` hides. `past` is the length of the cache.
void addPaddingMask(OpImporter &n, size_t mask, mlir::AffineExpr past, DenseAttention &form);

/// The attributes and inputs that all these operators have: scale, unidirectional
/// and, at `mask` and `bias`, the padding and the floats that are added.
void addCommonForm(OpImporter &n, size_t mask, std::optional<size_t> bias, mlir::AffineExpr past,
                   DenseAttention &form);

/// Attention on one tensor [batch, length, 3 * hidden] of queries, keys and values,
/// with their caches in one input [2, batch, heads, past, size]: the outputs.
void importPackedAttention(OpImporter &n, mlir::Value projected, size_t mask,
                           std::optional<size_t> bias, size_t past);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_MICROSOFTATTENTION_H

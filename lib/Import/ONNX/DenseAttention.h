//===- DenseAttention.h - What the attention operators share --------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_DENSEATTENTION_H
#define WINNOW_LIB_IMPORT_ONNX_DENSEATTENTION_H

#include "OpImporter.h"

namespace winnow::import {

/// What an operator may put out of the scores, in the order of the computation:
/// the scaled products, those after softcap, those after all masks, the weights.
enum class ScoreStage { None, Product, Capped, Masked, Weights };

/// Scaled dot-product attention in the forms that operators ask for.
struct DenseAttention {
  /// [batch, length, heads, size]. Head `h` reads key and value head
  /// `h / (heads / kv_heads)`.
  mlir::Value query, key, value;
  /// Absent: 1 / sqrt(head size).
  std::optional<double> scale;
  /// `softcap * tanh(score / softcap)` unless it is 0.
  double softcap = 0;
  /// Conditions that broadcast to [batch, heads, query, key]: a score is minus
  /// infinity where one is false.
  llvm::SmallVector<mlir::Value> visible;
  /// Floats that broadcast likewise and are added to the scores. May be null.
  mlir::Value bias;
  /// Key `j` is visible to query `i` when `j <= i + causalOffset`. May be null.
  mlir::AffineExpr causalOffset;
  /// One more score for every row, which takes part in the softmax and whose
  /// value is 0: one for each head, or one for all. May be null.
  mlir::Value sink;
  /// Rows without a visible key give zeros.
  bool zeroHiddenRows = true;
  /// Null: that of the query, but at least f32.
  mlir::Type softmaxType;
  /// What a model's own functions make of scores and weights [batch, heads,
  /// query, key]. May be null.
  std::function<mlir::Value(mlir::Value)> modifyScores, modifyWeights;
  ScoreStage wanted = ScoreStage::None;
};

struct AttentionResult {
  /// [batch, query, heads, value size], in the query's element type.
  mlir::Value output;
  /// [batch, heads, query, key] at the stage that is wanted, or null.
  mlir::Value scores;
};

/// One winnow.attention where that has the form, matrix products and a softmax
/// otherwise.
AttentionResult attend(OpImporter &n, DenseAttention form);

/// [batch, length, heads * size] as [batch, length, heads, size]. `what` names
/// the number of heads.
mlir::Value splitHeads(OpImporter &n, mlir::Value packed, int64_t heads, llvm::StringRef what);
/// [batch, length, heads, size] as [batch, length, heads * size].
mlir::Value joinHeads(OpImporter &n, mlir::Value apart);
/// [batch, heads, length, size] from [batch, length, heads, size] and back.
mlir::Value swapHeads(OpImporter &n, mlir::Value x);
/// The cache [batch, heads, past, size], which may be null, and after it the new
/// rows [batch, length, heads, size], in the layout of the cache.
mlir::Value appendToCache(OpImporter &n, mlir::Value cache, mlir::Value rows);

/// Positions 0, 1, ... as int64 along dimension `axis` of [1, 1, 1, 1].
mlir::Value positions(OpImporter &n, mlir::AffineExpr size, int64_t axis);
/// Whether a key, of `size` in [1, 1, 1, size], lies before each batch's `lengths`,
/// integers of [batch]: [batch, 1, 1, size].
mlir::Value isBefore(OpImporter &n, mlir::AffineExpr size, mlir::Value lengths);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_DENSEATTENTION_H

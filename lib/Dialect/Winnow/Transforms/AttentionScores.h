//===- AttentionScores.h - From a softmax up to the scores' matmul --------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_ATTENTIONSCORES_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_ATTENTIONSCORES_H

#include "AttentionMask.h"

#include <string>

namespace winnow {

/// A factor of the scores or probabilities and their dimensions there.
struct Factor {
  mlir::Value value;
  Dims level;
};

/// Whether `reshape` only splits or joins dimensions before the last two.
bool keepsMatrices(ReshapeOp reshape);

/// Whether a factor is the same for all queries.
bool isSharedByQueries(mlir::Value factor);

/// Why a softmax is no attention.
struct Refusal {
  llvm::StringRef code;
  std::string sentence;
};

/// What stands between the matmul of the scores and the softmax.
struct Scores {
  MatMulOp matmul;
  double scale = 1;
  /// The scores before masks are `softcap * tanh(scores / softcap)`.
  std::optional<double> softcap;
  llvm::SmallVector<MaskTerm> masks;
  /// Factors that do not vary over queries: they scale keys.
  llvm::SmallVector<Factor> keyFactors;
};

/// Walks up from the softmax to the matmul, or says what is in the way.
std::optional<Refusal> matchScores(SoftmaxOp softmax, Scores &scores);

/// Strips products with constants off an operand of the scores.
mlir::Value stripScale(mlir::Value value, double &scale);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_ATTENTIONSCORES_H

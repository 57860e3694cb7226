//===- AttentionMask.h - Masks in the form that attention takes -----------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_ATTENTIONMASK_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_ATTENTIONMASK_H

#include "Utils.h"

namespace winnow {

/// One way in which an exporter hides scores.
struct MaskTerm {
  enum Kind {
    /// `scores + factor * value`.
    Add,
    /// `value ? scores : fill`.
    VisibleWhere,
    /// `value ? fill : scores`.
    HiddenWhere,
    /// No score is below the lowest float; there is no value.
    Bound,
  };
  Kind kind;
  mlir::Value value;
  /// The dimensions of the scores where the term applies: reshapes on their way
  /// split or join batch and heads.
  Dims level;
  double fill = 0;
  double factor = 1;
};

/// The batch, head, query and key dimensions that a mask may vary over.
struct ScoreShape {
  Dims dims;
  unsigned numSymbols;
};

/// `value`, which broadcasts to scores of dimensions `level`, with rank 4 and
/// without its outer broadcasts; null where it does not fit. A first dimension
/// that is a divisor of the batch repeats.
mlir::Value getRank4(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                     mlir::ArrayRef<mlir::AffineExpr> level, const ScoreShape &scores);

/// All terms as one mask operand; null where one does not fit. `elementType` is
/// the scores' one.
mlir::Value combineMasks(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::ArrayRef<MaskTerm> terms, const ScoreShape &scores,
                         mlir::Type elementType);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_ATTENTIONMASK_H

//===- TokenLayout.h - Where a batch's tokens lie in tensors --------------===//
//
// A padded batch is [batch, sequence]: a token is one position of one sequence. Tensors hold
// something for each token, in whatever order their dimensions are; an op is token-wise in them
// if what it computes for a token depends on that token's elements only.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_TOKENLAYOUT_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_TOKENLAYOUT_H

#include "Utils.h"

namespace winnow {

/// The sizes of a padded batch.
struct TokenGrid {
  mlir::AffineExpr batch, sequence;
  unsigned numSymbols;

  bool isSame(mlir::AffineExpr a, mlir::AffineExpr b) const { return isSameDim(a, b, numSymbols); }
  bool hasOneSequence() const { return isConstantDim(batch, 1); }
};

/// Which dimensions of a tensor are the batch and its tokens.
struct TokenLayout {
  /// The dimension of which the batch is the outer factor; -1 where there is one sequence and
  /// no dimension for it.
  int batch = -1;
  /// Dimensions that count a sequence's tokens, sorted: one, or two for pairs of tokens.
  llvm::SmallVector<int, 2> tokens;
  /// `batch` is also the dimension of the tokens: both are one dimension, sequence by sequence.
  bool isFlat = false;
  /// The dimension of the batch counts something else as well, heads for example.
  bool isShared = false;

  bool operator==(const TokenLayout &other) const {
    return batch == other.batch && tokens == other.tokens && isFlat == other.isFlat &&
           isShared == other.isShared;
  }
  bool operator!=(const TokenLayout &other) const { return !(*this == other); }

  /// [batch, sequence, ...], [sequence, batch, ...] or [batch * sequence, ...]: what can be
  /// packed to [tokens, ...].
  bool isLeading() const {
    if (isShared || tokens.size() != 1)
      return false;
    return isFlat ? batch == 0 : batch >= 0 && batch < 2 && tokens[0] < 2;
  }
  /// How many dimensions packing makes one.
  unsigned numLeading() const { return isFlat ? 1 : 2; }
};

/// The result dimension that dimension `dim` of the operand becomes, where the result's elements
/// at an index of it depend, of this operand, on the elements at that index only. Absent where
/// the op combines, reorders, joins or drops elements along it.
std::optional<int64_t> getCarriedDim(mlir::OpOperand &operand, int64_t dim);

/// The layout of the op's results where operands have layouts, and the other operands are the
/// same whatever tokens are; absent where the op is not token-wise.
std::optional<TokenLayout> propagateLayout(mlir::Operation *op,
                                           mlir::ArrayRef<std::optional<TokenLayout>> operands,
                                           const TokenGrid &grid);

/// The same where only this operand has one.
std::optional<TokenLayout> propagateLayout(mlir::OpOperand &operand, const TokenLayout &layout,
                                           const TokenGrid &grid);

/// The layout that the operand would have to have for it alone to give the result this one.
std::optional<TokenLayout> inferOperandLayout(mlir::OpOperand &operand, const TokenLayout &result,
                                              const TokenGrid &grid);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_TOKENLAYOUT_H

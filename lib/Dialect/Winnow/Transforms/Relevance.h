//===- Relevance.h - Layer-wise relevance propagation ---------------------===//
//
// How much of a result each value carries, found by a walk from the result back to the inputs.
// Every rule is plain ops on the values that the model computed.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_RELEVANCE_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_RELEVANCE_H

#include "Utils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace winnow {

/// Builds the walk at the end of a function.
class RelevanceWalk {
public:
  RelevanceWalk(mlir::func::FuncOp entry);

  /// Where the walk begins. One-hot at the greatest element of each row, or the value itself.
  void start(mlir::Value output, bool isOneHot);
  /// Distributes all relevance; an error names the op that has no rule.
  mlir::LogicalResult run();

  mlir::Value getRelevance(mlir::Value value) const { return relevance.lookup(value); }
  /// The sums of |R| at the input and at the output of an op that was passed; null if none was.
  mlir::Value getInputSum(mlir::Operation *op) const { return inputSums.lookup(op); }
  mlir::Value getOutputSum(mlir::Operation *op) const { return outputSums.lookup(op); }
  mlir::Value getEntering() const { return entering; }
  mlir::Value getLeaving();
  mlir::Value createScalarF32(double value);

private:
  // Rules, in RelevanceRules.cpp.
  mlir::LogicalResult pass(mlir::Operation *op);
  void passLinear(LinearOp op);
  mlir::LogicalResult passMatMul(MatMulOp op);
  mlir::LogicalResult passElementwise(mlir::Operation *op);
  void passBases(mlir::Value input, mlir::Value r);
  void passNorm(mlir::Operation *op, mlir::Value input, mlir::Value residual);
  void passReduce(ReduceOp op);
  /// Splits R of a + b; rescaled so that nothing is lost where they cancel.
  std::pair<mlir::Value, mlir::Value> splitSum(mlir::Value a, mlir::Value b, mlir::Value sum,
                                               mlir::Value r);
  mlir::Value passWeight(mlir::Value x, mlir::Value weight, bool isTransposed, mlir::Value r);
  mlir::Value passPatches(mlir::Value x, mlir::Value weight, bool isTransposed, mlir::Value r);
  bool isOfImage(mlir::Value value) const;

  // Attention, in RelevanceAttention.cpp.
  struct AttentionShares {
    mlir::Value query, key, value;
  };
  mlir::LogicalResult passAttention(AttentionOp op);
  void passProbSparse(ProbSparseAttentionOp op);
  AttentionShares passProducts(mlir::Value q, mlir::Value k, mlir::Value v, mlir::Value scores,
                               mlir::Value p, mlir::Value s, mlir::Value kept);
  mlir::Value getProbabilities(AttentionOp op, mlir::Value scores);
  mlir::Value getProbabilities(ProbSparseAttentionOp op, mlir::Value scores, mlir::Value kept);
  mlir::Value getKept(ProbSparseAttentionOp op, mlir::Value scores);
  mlir::Value addMask(mlir::Value scores, mlir::Value mask);
  mlir::Value getVisible(const Dims &scores, bool isAtEnd);

  // Movement, in RelevanceMovement.cpp.
  /// False: no movement.
  mlir::FailureOr<bool> passMovement(mlir::Operation *op);
  void passSlice(SliceOp op);
  void passConcat(ConcatOp op);
  void passGather(GatherOp op);
  void passGatherND(GatherNDOp op);
  void passTopK(TopKOp op);
  mlir::FailureOr<bool> passScatter(mlir::Operation *op);
  /// Tuples for all dimensions up to those that `indices` hold, of which the first are batches.
  mlir::Value addBatches(mlir::Value indices, int64_t batches);
  /// Tuples of the places of elements that `indices` give along an axis.
  mlir::Value getPlaces(mlir::Value indices, int64_t axis);
  mlir::Value getPositions(const Dims &dims, int64_t axis);

  // Building.
  mlir::Value toF32(mlir::Value value);
  mlir::Value createZeros(mlir::ArrayRef<mlir::AffineExpr> dims);
  mlir::Value add(mlir::Value a, mlir::Value b) { return AddOp::create(b_, loc, a, b); }
  mlir::Value mul(mlir::Value a, mlir::Value b) { return MulOp::create(b_, loc, a, b); }
  mlir::Value scale(mlir::Value a, double factor) { return mul(a, createScalarF32(factor)); }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value selectOrZero(mlir::Value condition, mlir::Value a) {
    return select(condition, a, createScalarF32(0));
  }
  mlir::Value compare(ComparePredicate predicate, mlir::Value a, mlir::Value b) {
    return CompareOp::create(b_, loc, predicate, a, b);
  }
  mlir::Value permute(mlir::Value value, mlir::ArrayRef<int64_t> permutation) {
    return createTranspose(b_, loc, value, permutation);
  }
  mlir::Value swapLast(mlir::Value value);
  mlir::Value reshape(mlir::Value value, mlir::ArrayRef<mlir::AffineExpr> dims) {
    return reshapeTo(b_, loc, value, dims, numSymbols);
  }
  mlir::Value broadcast(mlir::Value value, mlir::ArrayRef<mlir::AffineExpr> dims);
  /// a / b, nothing where b is 0, with a stabiliser of b's sign.
  mlir::Value divide(mlir::Value a, mlir::Value b);
  mlir::Value getTotal(mlir::Value value);
  mlir::Value getAbsTotal(mlir::Value value) { return getTotal(AbsOp::create(b_, loc, value)); }
  mlir::Value reduce(ReduceKind kind, mlir::Value value, mlir::ArrayRef<int64_t> axes,
                     bool keepdims);
  /// Sums over what was broadcast from `like`'s shape.
  mlir::Value reduceTo(mlir::Value value, mlir::Value like);
  mlir::Value linear(mlir::Value x, mlir::Value weight, bool isTransposed,
                     mlir::Value residual = {});
  /// The positive or the negative part of a weight, a constant where it is one.
  mlir::Value getPart(mlir::Value weight, bool isPositive);

  /// Whether what the value says comes from the model's float inputs or from tables that its
  /// integer inputs look up. Masks, positions and weights do not.
  bool isCarrier(mlir::Value value);
  /// Constants by position, which are added as features are: no biases.
  bool takesPartInSum(mlir::Value value);
  void give(mlir::Value value, mlir::Value r);

  mlir::func::FuncOp entry;
  mlir::OpBuilder b_;
  mlir::Location loc;
  unsigned numSymbols;
  llvm::DenseMap<mlir::Value, mlir::Value> relevance, floats;
  llvm::DenseMap<mlir::Value, bool> carriers;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, mlir::Value> parts;
  llvm::DenseMap<mlir::Operation *, mlir::Value> inputSums, outputSums;
  mlir::Value entering, leaving;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_RELEVANCE_H

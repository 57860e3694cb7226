//===- Packer.h - Rewrites a function to packed tokens --------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_PACKER_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_PACKER_H

#include "PackPlan.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

namespace winnow {

/// All types of the function count this many symbols.
void setNumSymbols(mlir::func::FuncOp func, unsigned numSymbols);

/// What people know a mask by.
std::string getMaskName(mlir::Value root);

/// Where the tokens of a space are, as values.
struct PackedSpace {
  mlir::AffineExpr count;           ///< packed tokens
  mlir::Value valid;                ///< [batch, sequence] of i1
  mlir::Value kept;                 ///< valid, or the first token where something reads it
  mlir::Value place;                ///< [batch, sequence]: where a kept token is among packed ones
  mlir::Value rows;                 ///< [tokens]: the number of a packed token in [batch, sequence]
  mlir::Value offsets;              ///< [batch + 1]: where sequences begin
  mlir::Value lengths;              ///< [batch]: how many tokens attention sees
  mlir::Value first;                ///< [batch]: where first tokens are among packed ones
  mlir::Value hasFirst;             ///< [batch] of i1: whether there is one; null if always
  mlir::Value sequences, positions; ///< [tokens]: where they are in [batch, sequence]
};

/// Rewrites a function that gets a padded batch and a mask.
class Packer {
public:
  virtual ~Packer() = default;
  Packer(mlir::func::FuncOp entry, const PaddingAnalysis &analysis, const PackPlan &plan)
      : entry(entry), analysis(analysis), plan(plan), b(entry), loc(entry.getLoc()) {}

  void run();

protected:
  /// Rewrites the function's ops once spaces are known.
  void rewrite(llvm::ArrayRef<mlir::Operation *> ops);


  // Values
  mlir::Value number(double value, mlir::Type type) { return createScalar(b, loc, type, value); }
  mlir::Value integer(int64_t value) { return number(value, b.getI64Type()); }
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> dims) {
    return reshapeTo(b, loc, value, dims, numSymbols);
  }
  mlir::RankedTensorType typeOf(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type element) {
    return getTensorType(dims, element, numSymbols);
  }
  template <typename OpTy> mlir::Value combine(mlir::Value x, mlir::Value y) {
    return createBroadcasting<OpTy>(b, loc, x, y, numSymbols);
  }
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no) {
    return SelectOp::create(b, loc, condition, yes, no);
  }
  mlir::Value compare(ComparePredicate predicate, mlir::Value x, mlir::Value y) {
    return CompareOp::create(b, loc, predicate, x, y);
  }
  mlir::Value convert(mlir::Value value, mlir::Type element) {
    if (getElementTypeOrSelf(value) == element)
      return value;
    return CastOp::create(b, loc, typeOf(getDims(value), element), value);
  }
  mlir::Value sum(mlir::Value value, llvm::ArrayRef<int64_t> axes) {
    return ReduceOp::create(b, loc, ReduceKind::Sum, value, axes, /*keepdims=*/false);
  }
  mlir::Value pick(mlir::Value data, mlir::Value indices, int64_t axis, bool inBounds) {
    return GatherOp::create(b, loc, data, indices, axis, inBounds);
  }
  mlir::Value size(mlir::AffineExpr dim) {
    return DimValuesOp::create(b, loc, typeOf({}, b.getI64Type()),
                               mlir::AffineMap::get(0, numSymbols, dim));
  }
  mlir::AffineExpr one() { return b.getAffineConstantExpr(1); }

  // Spaces
  /// A symbol for the packed tokens of each active space.
  virtual void addSymbols();
  /// Computes where the tokens of a space are.
  virtual void place(unsigned number);
  mlir::Value getMask(const TokenSpace &space);
  void requireZeroOrOne(const TokenSpace &space);

  // Packed forms
  Dims packDims(llvm::ArrayRef<mlir::AffineExpr> dims, const TokenValue &tokens);
  mlir::Value gatherRows(mlir::Value value, const TokenValue &tokens);
  mlir::Value pack(mlir::Value value, const TokenValue &tokens);
  void packSources(mlir::Value value);
  mlir::Value align(mlir::Value value, const TokenValue &result, unsigned rank);
  mlir::Value unpack(mlir::Value packed, mlir::RankedTensorType type, const TokenValue &tokens,
                     bool withFirst);
  mlir::Value getPadded(mlir::Value value);
  /// The function's result for a value of it.
  virtual mlir::Value getOutput(mlir::Value value);
  void packOp(mlir::Operation *op, const TokenValue &result);
  void packAttention(AttentionOp op);
  void readFirst(mlir::Operation *op);
  void useTokens(mlir::Operation *op);

  mlir::func::FuncOp entry;
  const PaddingAnalysis &analysis;
  const PackPlan &plan;
  mlir::OpBuilder b;
  mlir::Location loc;
  unsigned numSymbols = 0;
  llvm::SmallVector<PackedSpace> spaces;
  /// Packed forms of values, and padded forms of packed ones.
  llvm::DenseMap<mlir::Value, mlir::Value> packed, padded;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_PACKER_H

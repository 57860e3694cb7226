//===- NormMatch.h - What layer and RMS norms are taken apart into --------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_NORMMATCH_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_NORMMATCH_H

#include "Utils.h"

namespace winnow {

/// The mean that `value` is, behind reshapes that restore a dropped dimension.
ReduceOp getMean(mlir::Value value);
bool isOverLastDimension(ReduceOp op);

/// What `value` is the square of, or null.
mlir::Value getSquareRoot(mlir::Value value);

/// Whether `mean` is [..., 1] as keepdims gives, so that `x - mean` lines up.
bool isColumnOf(mlir::Value mean, mlir::Value x);

/// A square root, or power -0.5, of a value plus a constant.
struct NormRoot {
  mlir::Operation *op;
  mlir::Value squares;
  double epsilon;
};
llvm::SmallVector<NormRoot> getNormRoots(mlir::ModuleOp module);

/// The products and quotients that divide something by the root, of which
/// `isDividend` says whether it is the right thing.
llvm::SmallVector<mlir::Operation *>
getQuotients(mlir::Operation *root, llvm::function_ref<bool(mlir::Value)> isDividend);

/// One quotient for each of the vectors that scale it: layers that run side by
/// side share their input's.
llvm::SmallVector<mlir::Operation *> splitByScale(mlir::Operation *quotient);

/// What a cast widens from f16 or bf16, else the value itself.
mlir::Value stripWidening(mlir::Value value);

/// A norm of `x` that ends in `last`, in f16 or bf16 where it is only widened
/// in between: the kernel computes in f32 itself. False if the types differ.
bool narrowNorm(mlir::Value &x, mlir::Value &last);

/// If `value`'s only user is an OpTy with a vector of the last dimension's
/// size, moves `value` to its result and returns the vector.
template <typename OpTy> mlir::Value absorbVector(mlir::Value &value) {
  if (!value.hasOneUse())
    return nullptr;
  auto user = llvm::dyn_cast<OpTy>(*value.getUsers().begin());
  if (!user || user.getType() != value.getType() || user.getLhs() == user.getRhs())
    return nullptr;
  mlir::Value vector = user.getLhs() == value ? user.getRhs() : user.getLhs();
  if (!isVectorOf(vector, getDims(value).back(), getNumSymbols(value.getType())))
    return nullptr;
  value = user.getResult();
  return vector;
}

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_NORMMATCH_H

#include "ActivationMatch.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

std::optional<ActivationEnd> winnow::matchSwish(Value x) {
  SigmoidOp sigmoid;
  MulOp product;
  double factor = 1;
  for (Operation *user : x.getUsers()) {
    auto mul = dyn_cast<MulOp>(user);
    std::optional<double> scale;
    if (mul && mul->hasOneUse() && isa<SigmoidOp>(*mul->getUsers().begin()))
      scale = getScalarConstant(mul.getLhs() == x ? mul.getRhs() : mul.getLhs());
    if (!sigmoid && (isa<SigmoidOp>(user) || scale)) {
      factor = scale.value_or(1);
      sigmoid = cast<SigmoidOp>(scale ? *mul->getUsers().begin() : user);
    } else if (mul && !product) {
      product = mul;
    } else {
      return std::nullopt;
    }
  }
  if (!sigmoid || !product || !sigmoid->hasOneUse() || product.getType() != x.getType() ||
      (product.getLhs() == x ? product.getRhs() : product.getLhs()) != sigmoid.getResult())
    return std::nullopt;
  if (factor == 1)
    return ActivationEnd{Activation::Silu, product};
  // Exporters round the factor to the tensor's type.
  double tolerance = getElementTypeOrSelf(x.getType()).isF32() ? 1e-6 : 4e-3;
  if (std::fabs(factor - 1.702) > tolerance)
    return std::nullopt;
  return ActivationEnd{Activation::QuickGelu, product};
}

std::optional<ActivationEnd> winnow::matchSquaredRelu(Value x) {
  auto relu = x.hasOneUse() ? dyn_cast<ReluOp>(*x.getUsers().begin()) : ReluOp();
  auto square = relu && !relu->use_empty() ? dyn_cast<MulOp>(*relu->getUsers().begin()) : MulOp();
  if (!square || square.getLhs() != square.getRhs() ||
      !llvm::all_of(relu->getUsers(), [&](Operation *user) { return user == square; }))
    return std::nullopt;
  return ActivationEnd{Activation::SquaredRelu, square};
}

#include "winnow/Dialect/Winnow/IR/Activations.h"

using namespace mlir;
using namespace winnow;

Value winnow::createActivation(OpBuilder &b, Location loc, Value x, Activation activation,
                               RationalAttr rational) {
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::Relu:
    return ReluOp::create(b, loc, x);
  case Activation::Gelu:
  case Activation::GeluTanh:
    return GeluOp::create(b, loc, x, activation == Activation::GeluTanh);
  case Activation::Tanh:
    return TanhOp::create(b, loc, x);
  case Activation::Sigmoid:
    return SigmoidOp::create(b, loc, x);
  case Activation::Silu:
    return MulOp::create(b, loc, x, SigmoidOp::create(b, loc, x));
  case Activation::QuickGelu: {
    Type element = getElementTypeOrSelf(x);
    Value factor = ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(RankedTensorType::get({}, element), b.getFloatAttr(element, 1.702)));
    return MulOp::create(b, loc, x, SigmoidOp::create(b, loc, MulOp::create(b, loc, x, factor)));
  }
  case Activation::SquaredRelu: {
    Value positive = ReluOp::create(b, loc, x);
    return MulOp::create(b, loc, positive, positive);
  }
  case Activation::GroupRational:
    return GroupRationalOp::create(b, loc, x, rational);
  }
  llvm_unreachable("all activations are handled");
}

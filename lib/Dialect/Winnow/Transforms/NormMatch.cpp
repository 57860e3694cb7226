#include "NormMatch.h"

using namespace mlir;
using namespace winnow;

ReduceOp winnow::getMean(Value value) {
  value = stripBroadcasts(value);
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  auto reduce = value.getDefiningOp<ReduceOp>();
  return reduce && reduce.getKind() == ReduceKind::Mean ? reduce : nullptr;
}

bool winnow::isOverLastDimension(ReduceOp op) {
  int64_t rank = getTensorType(op.getInput()).getRank();
  return op.getAxes().size() == 1 && op.getAxes()[0] == rank - 1;
}

Value winnow::getSquareRoot(Value value) {
  if (auto mul = value.getDefiningOp<MulOp>())
    return mul.getLhs() == mul.getRhs() ? mul.getLhs() : Value();
  if (auto pow = value.getDefiningOp<PowOp>())
    return isScalarConstant(pow.getRhs(), 2) ? pow.getLhs() : Value();
  return nullptr;
}

bool winnow::isColumnOf(Value mean, Value x) {
  Dims dims = getDims(mean), full = getDims(x);
  unsigned numSymbols = getNumSymbols({mean.getType(), x.getType()});
  if (dims.size() != full.size() || !isConstantDim(dims.back(), 1))
    return false;
  for (size_t i = 0; i + 1 < dims.size(); ++i)
    if (!isSameDim(dims[i], full[i], numSymbols))
      return false;
  return true;
}

SmallVector<NormRoot> winnow::getNormRoots(ModuleOp module) {
  SmallVector<NormRoot> roots;
  module.walk([&](Operation *op) {
    auto pow = dyn_cast<PowOp>(op);
    if (!isa<SqrtOp>(op) && !(pow && isScalarConstant(pow.getRhs(), -0.5)))
      return;
    auto sum = op->getOperand(0).getDefiningOp<AddOp>();
    if (!sum)
      return;
    std::optional<double> epsilon = getScalarConstant(sum.getRhs());
    Value squares = sum.getLhs();
    if (!epsilon) {
      epsilon = getScalarConstant(sum.getLhs());
      squares = sum.getRhs();
    }
    if (epsilon)
      roots.push_back({op, squares, *epsilon});
  });
  return roots;
}

SmallVector<Operation *> winnow::getQuotients(Operation *root,
                                              function_ref<bool(Value)> isDividend) {
  SmallVector<Operation *> quotients;
  auto collectProducts = [&](Value reciprocal) {
    for (Operation *user : reciprocal.getUsers())
      if (auto mul = dyn_cast<MulOp>(user))
        if (isDividend(mul.getLhs() == reciprocal ? mul.getRhs() : mul.getLhs()))
          quotients.push_back(mul);
  };
  if (isa<PowOp>(root)) {
    collectProducts(root->getResult(0));
    return quotients;
  }
  for (Operation *user : root->getUsers()) {
    auto div = dyn_cast<DivOp>(user);
    if (isa<ReciprocalOp>(user) || (div && isScalarConstant(div.getLhs(), 1)))
      collectProducts(user->getResult(0));
    else if (div && div.getRhs() == root->getResult(0) && isDividend(div.getLhs()))
      quotients.push_back(div);
  }
  return quotients;
}

SmallVector<Operation *> winnow::splitByScale(Operation *quotient) {
  Value value = quotient->getResult(0);
  SmallVector<Operation *> parts = {quotient};
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : value.getUses()) {
    auto mul = dyn_cast<MulOp>(use.getOwner());
    Value vector = mul ? mul->getOperand(1 - use.getOperandNumber()) : Value();
    if (!mul || mul.getType() != value.getType() ||
        !isVectorOf(vector, getDims(value).back(), getNumSymbols(value.getType())))
      return parts;
    uses.push_back(&use);
  }
  for (OpOperand *use : ArrayRef(uses).drop_front(uses.empty() ? 0 : 1)) {
    OpBuilder builder(quotient);
    parts.push_back(builder.clone(*quotient));
    use->set(parts.back()->getResult(0));
  }
  return parts;
}

Value winnow::stripWidening(Value value) {
  auto cast = value.getDefiningOp<CastOp>();
  Type type = cast ? getElementTypeOrSelf(cast.getInput()) : Type();
  bool isWidened = cast && (type.isF16() || type.isBF16()) &&
                   isa<Float32Type, Float64Type>(getElementTypeOrSelf(value));
  return isWidened ? cast.getInput() : value;
}

bool winnow::narrowNorm(Value &x, Value &last) {
  Value narrow = stripWidening(x);
  auto rounding = last.hasOneUse() ? dyn_cast<CastOp>(*last.getUsers().begin()) : CastOp();
  if (rounding && rounding.getType() == narrow.getType() && last.getType() != narrow.getType()) {
    x = narrow;
    last = rounding.getResult();
  }
  return last.getType() == x.getType();
}

//===- RelevanceRules.cpp - What each op makes of relevance ---------------===//
//
// The rules are those of Chefer et al. (arXiv 2012.09838) as their code computes them, with
// alpha = 1 and beta = 0, see docs/precision.md.
//
//===----------------------------------------------------------------------===//

#include "Relevance.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// Keeps quotients finite; far below what activations are.
static constexpr double kStabiliser = 1e-9;

//===----------------------------------------------------------------------===//
// Products with weights
//===----------------------------------------------------------------------===//

/// R_in = x+ (S W+) + x- (S W-) with S = R / (x+ W+ + x- W-): what contributed with a positive
/// sign gets all. The bias gets nothing.
Value RelevanceWalk::passWeight(Value x, Value weight, bool isTransposed, Value r) {
  Value positive = getPart(weight, true), negative = getPart(weight, false);
  Value zero = createScalarF32(0);
  Value above = ReluOp::create(b_, loc, x), below = MinimumOp::create(b_, loc, x, zero);
  Value z = linear(below, negative, isTransposed, linear(above, positive, isTransposed));
  Value s = divide(r, z);
  return add(mul(above, linear(s, positive, !isTransposed)),
             mul(below, linear(s, negative, !isTransposed)));
}

/// The z^B rule, for inputs that lie between bounds and are no activations: those of the image.
Value RelevanceWalk::passPatches(Value x, Value weight, bool isTransposed, Value r) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(1, getDims(x).size()));
  Value low = broadcast(reduce(ReduceKind::Min, x, axes, true), getDims(x));
  Value high = broadcast(reduce(ReduceKind::Max, x, axes, true), getDims(x));
  Value positive = getPart(weight, true), negative = getPart(weight, false);
  Value bounds = add(linear(low, positive, isTransposed), linear(high, negative, isTransposed));
  Value z = SubOp::create(b_, loc, linear(x, weight, isTransposed), bounds);
  Value s = DivOp::create(b_, loc, r, add(z, createScalarF32(kStabiliser)));
  Value given = add(mul(low, linear(s, positive, !isTransposed)),
                    mul(high, linear(s, negative, !isTransposed)));
  return SubOp::create(b_, loc, mul(x, linear(s, weight, !isTransposed)), given);
}

/// Movement of an image that the caller gives.
bool RelevanceWalk::isOfImage(Value value) const {
  while (isa_and_nonnull<ReshapeOp, TransposeOp, SliceOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && getDims(value).size() == 4 && isa<FloatType>(getElementTypeOrSelf(value));
}

void RelevanceWalk::passLinear(LinearOp op) {
  Value r = getRelevance(op.getResult());
  if (op.getResidual()) {
    Value sum = toF32(op.getResult()), residual = toF32(op.getResidual());
    Value own = SubOp::create(b_, loc, sum, residual);
    auto [rOwn, rResidual] = splitSum(own, residual, sum, r);
    give(op.getResidual(), rResidual);
    r = rOwn;
  }
  // The activation passes it on unchanged.
  outputSums[op] = getAbsTotal(r);
  Value x = toF32(op.getInput()), weight = toF32(op.getWeight());
  bool isTransposed = op.getTransposeWeight();
  Value in = isOfImage(op.getInput()) ? passPatches(x, weight, isTransposed, r)
                                      : passWeight(x, weight, isTransposed, r);
  inputSums[op] = getAbsTotal(in);
  give(op.getInput(), in);
}

Value RelevanceWalk::swapLast(Value value) {
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(getDims(value).size()));
  std::swap(permutation.back(), permutation[permutation.size() - 2]);
  return permute(value, permutation);
}

/// A product of two activations halves the relevance; one with weights is a linear.
LogicalResult RelevanceWalk::passMatMul(MatMulOp op) {
  if (getDims(op.getLhs()).size() < 2 || getDims(op.getRhs()).size() < 2)
    return failure();
  Value r = getRelevance(op.getResult());
  outputSums[op] = getAbsTotal(r);
  auto product = [&](Value a, Value b) -> Value { return MatMulOp::create(b_, loc, a, b); };
  Value lhs = toF32(op.getLhs()), rhs = toF32(op.getRhs());
  bool carriesLeft = isCarrier(op.getLhs()), carriesRight = isCarrier(op.getRhs());
  if (carriesLeft && carriesRight) {
    Value s = scale(divide(r, toF32(op.getResult())), 0.5);
    Value left = mul(lhs, reduceTo(product(s, swapLast(rhs)), lhs));
    Value right = mul(rhs, reduceTo(product(swapLast(lhs), s), rhs));
    inputSums[op] = add(getAbsTotal(left), getAbsTotal(right));
    give(op.getLhs(), left);
    give(op.getRhs(), right);
    return success();
  }
  // Weights on the left are those of the transposed product.
  Value x = carriesLeft ? lhs : swapLast(rhs), weight = carriesLeft ? rhs : swapLast(lhs);
  if (!carriesLeft)
    r = swapLast(r);
  Value in;
  if (getDims(weight).size() == 2) {
    in = passWeight(x, weight, /*isTransposed=*/false, r);
  } else {
    Value positive = getPart(weight, true), negative = getPart(weight, false);
    Value above = ReluOp::create(b_, loc, x);
    Value below = MinimumOp::create(b_, loc, x, createScalarF32(0));
    Value s = divide(r, add(product(above, positive), product(below, negative)));
    in = add(mul(above, reduceTo(product(s, swapLast(positive)), x)),
             mul(below, reduceTo(product(s, swapLast(negative)), x)));
  }
  inputSums[op] = getAbsTotal(in);
  if (carriesLeft)
    give(op.getLhs(), in);
  else
    give(op.getRhs(), swapLast(in));
  return success();
}

//===----------------------------------------------------------------------===//
// Sums and elementwise functions
//===----------------------------------------------------------------------===//

std::pair<Value, Value> RelevanceWalk::splitSum(Value a, Value b, Value sum, Value r) {
  Value s = divide(r, sum);
  Value ra = mul(a, s), rb = mul(b, s);
  // Each keeps its sign and the share that its total has of both.
  Value ta = getTotal(ra), tb = getTotal(rb);
  Value all = add(AbsOp::create(b_, loc, ta), AbsOp::create(b_, loc, tb));
  Value factor = divide(getTotal(r), all);
  auto rescale = [&](Value part, Value total) {
    return mul(part, mul(SignOp::create(b_, loc, total), factor));
  };
  return {rescale(ra, ta), rescale(rb, tb)};
}

void RelevanceWalk::passNorm(Operation *op, Value input, Value residual) {
  Value r = getRelevance(op->getResult(0));
  if (!residual)
    return give(input, r);
  Value a = toF32(input), b = toF32(residual);
  auto [ra, rb] = splitSum(a, b, add(a, b), r);
  give(input, ra);
  give(residual, rb);
}

/// Sums and means by what each element contributed; the greatest and the least take all.
void RelevanceWalk::passReduce(ReduceOp op) {
  Value r = getRelevance(op.getResult());
  Value x = toF32(op.getInput()), y = toF32(op.getResult());
  Dims dims = getDims(x), kept = dims;
  for (int64_t axis : op.getAxes())
    kept[axis] = b_.getAffineConstantExpr(1);
  Value back = reshape(r, kept), result = reshape(y, kept);
  if (op.getKind() == ReduceKind::Sum || op.getKind() == ReduceKind::Mean) {
    Value sum = op.getKind() == ReduceKind::Sum
                    ? result
                    : reduce(ReduceKind::Sum, x, llvm::to_vector(op.getAxes()), true);
    return give(op.getInput(), mul(x, broadcast(divide(back, sum), dims)));
  }
  Value isChosen = compare(ComparePredicate::EQ, x, result);
  Value ones = selectOrZero(isChosen, broadcast(createScalarF32(1), dims));
  Value count = reduce(ReduceKind::Sum, ones, llvm::to_vector(op.getAxes()), true);
  give(op.getInput(), mul(ones, DivOp::create(b_, loc, back, count)));
}

/// Functions of one channel each give it what they got: as elementwise functions do, one by one.
void RelevanceWalk::passBases(Value input, Value r) {
  int64_t rank = getDims(r).size();
  bool isApart = rank > int64_t(getDims(input).size());
  give(input, isApart ? reduce(ReduceKind::Sum, r, {rank - 2}, false) : r);
}

LogicalResult RelevanceWalk::passElementwise(Operation *op) {
  Value result = op->getResult(0), r = getRelevance(result);
  auto giveTo = [&](Value operand, Value part) { give(operand, reduceTo(part, operand)); };
  auto giveOne = [&](Value operand) {
    giveTo(operand, r);
    return success();
  };
  if (op->getNumOperands() == 1)
    return giveOne(op->getOperand(0));
  if (auto choice = dyn_cast<SelectOp>(op)) {
    giveTo(choice.getOnTrue(), selectOrZero(choice.getCondition(), r));
    giveTo(choice.getOnFalse(), select(choice.getCondition(), createScalarF32(0), r));
    return success();
  }
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  bool left = isCarrier(lhs), right = isCarrier(rhs);
  if (isa<AddOp, SubOp>(op)) {
    left = takesPartInSum(lhs), right = takesPartInSum(rhs);
    if (left != right)
      return giveOne(left ? lhs : rhs);
    Value b = toF32(rhs);
    if (isa<SubOp>(op))
      b = NegOp::create(b_, loc, b);
    auto [ra, rb] = splitSum(toF32(lhs), b, toF32(result), r);
    giveTo(lhs, ra);
    giveTo(rhs, rb);
    return success();
  }
  if (isa<MulOp>(op)) {
    if (left != right)
      return giveOne(left ? lhs : rhs);
    // A product of activations, as those of matrices are.
    Value half = scale(r, 0.5);
    giveTo(lhs, half);
    giveTo(rhs, half);
    return success();
  }
  // What is divided by, and exponents, only scale.
  if (isa<DivOp, PowOp>(op))
    return giveOne(left ? lhs : rhs);
  if (isa<MaximumOp, MinimumOp>(op)) {
    if (left != right)
      return giveOne(left ? lhs : rhs);
    Value isLeft = compare(isa<MaximumOp>(op) ? ComparePredicate::GE : ComparePredicate::LE,
                           toF32(lhs), toF32(rhs));
    giveTo(lhs, selectOrZero(isLeft, r));
    giveTo(rhs, select(isLeft, createScalarF32(0), r));
    return success();
  }
  return failure();
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

LogicalResult RelevanceWalk::pass(Operation *op) {
  loc = op->getLoc();
  FailureOr<bool> isMovement = passMovement(op);
  if (failed(isMovement))
    return failure();
  if (*isMovement)
    return success();
  Value r = getRelevance(op->getResult(0));
  LogicalResult status =
      llvm::TypeSwitch<Operation *, LogicalResult>(op)
          .Case([&](LinearOp linear) {
            if (isCarrier(linear.getWeight()))
              return LogicalResult::failure();
            passLinear(linear);
            return success();
          })
          .Case([&](MatMulOp product) { return passMatMul(product); })
          .Case([&](AttentionOp attention) { return passAttention(attention); })
          .Case([&](ProbSparseAttentionOp attention) {
            passProbSparse(attention);
            return success();
          })
          .Case<BSplineOp, GaussianBasisOp>([&](auto bases) {
            passBases(bases.getInput(), r);
            return success();
          })
          .Case<LayerNormOp, RMSNormOp>([&](auto norm) {
            passNorm(norm, norm.getInput(), norm.getResidual());
            return success();
          })
          .Case<SoftmaxOp, GroupRationalOp, TopKActivationOp>([&](auto same) {
            give(same.getInput(), r);
            return success();
          })
          .Case([&](RotaryOp rotary) {
            // Turned back by the same angles.
            Value s = divide(r, toF32(rotary.getResult()));
            Value sin = NegOp::create(b_, loc, toF32(rotary.getSin()));
            Value turned =
                RotaryOp::create(b_, loc, s, toF32(rotary.getCos()), sin, rotary.getInterleaved());
            give(rotary.getInput(), mul(toF32(rotary.getInput()), turned));
            return success();
          })
          .Case([&](ReduceOp reduce) {
            if (reduce.getKind() == ReduceKind::Prod)
              return LogicalResult::failure();
            passReduce(reduce);
            return success();
          })
          .Case([&](CumSumOp sum) {
            Value s = divide(r, toF32(sum.getResult()));
            Value back =
                CumSumOp::create(b_, loc, s, sum.getAxis(), sum.getExclusive(), !sum.getReverse());
            give(sum.getInput(), mul(toF32(sum.getInput()), back));
            return success();
          })
          .Case([&](ElementwiseOpInterface) { return passElementwise(op); })
          .Default([](Operation *) { return failure(); });
  if (failed(status))
    return op->emitError("no relevance rule for ") << op->getName();
  return success();
}

#include "RotaryAngles.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// Chains longer than this do not lead from positions to angles.
static constexpr unsigned kMaxDepth = 16;

/// `value` without its dimension of size 1 at `axis`, if a reshape only added that.
static Value dropUnitDim(Value value, size_t axis) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return nullptr;
  Dims in = getDims(reshape.getInput()), out = getDims(reshape.getResult());
  if (axis >= out.size() || !isConstantDim(out[axis], 1))
    return nullptr;
  out.erase(out.begin() + axis);
  return in == out ? reshape.getInput() : Value();
}

/// Whether a reshape to `out` joins the last two dimensions of `in` only.
static bool joinsLastTwo(ArrayRef<AffineExpr> in, ArrayRef<AffineExpr> out) {
  if (in.size() != out.size() + 1 || in.drop_back(2) != out.drop_back())
    return false;
  std::optional<int64_t> a = getConstantDim(in[in.size() - 2]), b = getConstantDim(in.back());
  return a && b && isConstantDim(out.back(), *a * *b);
}

/// The values that are stacked, still with their dimension of size 1, and joined
/// by a reshape.
static std::optional<Pairs> matchStack(Value value) {
  int64_t rank = getTensorType(value).getRank();
  auto reshape = value.getDefiningOp<ReshapeOp>();
  auto stack = reshape ? reshape.getInput().getDefiningOp<ConcatOp>() : nullptr;
  if (!stack || stack.getInputs().size() != 2 ||
      stack.getInputs()[0].getType() != stack.getInputs()[1].getType() ||
      !joinsLastTwo(getDims(stack.getResult()), getDims(value)))
    return std::nullopt;
  // Of [.., 2, n] and [.., n, 2] the axis is the one that was stacked along.
  int64_t axis = stack.getAxis();
  if ((axis != rank && axis != rank - 1) || !isConstantDim(getDims(stack.getInputs()[0])[axis], 1))
    return std::nullopt;
  return Pairs{stack.getInputs()[0], stack.getInputs()[1], /*interleaved=*/axis == rank};
}

std::optional<Pairs> winnow::matchPairs(Value value) {
  int64_t rank = getTensorType(value).getRank();
  if (auto concat = value.getDefiningOp<ConcatOp>()) {
    ValueRange inputs = concat.getInputs();
    if (inputs.size() != 2 || static_cast<int64_t>(concat.getAxis()) != rank - 1 ||
        inputs[0].getType() != inputs[1].getType())
      return std::nullopt;
    return Pairs{inputs[0], inputs[1], /*interleaved=*/false};
  }
  std::optional<Pairs> stack = matchStack(value);
  if (!stack)
    return std::nullopt;
  int64_t axis = stack->interleaved ? rank : rank - 1;
  stack->first = dropUnitDim(stack->first, axis);
  stack->second = dropUnitDim(stack->second, axis);
  if (!stack->first || !stack->second)
    return std::nullopt;
  return stack;
}

namespace {
struct Halver {
  OpBuilder &builder;
  bool interleaved;

  Value halve(Value value, unsigned depth);

private:
  AffineExpr halfOf(Value value) {
    std::optional<int64_t> size = getConstantDim(getDims(value).back());
    return size && *size % 2 == 0 ? builder.getAffineConstantExpr(*size / 2) : AffineExpr();
  }
  /// The type of `value` with half its last dimension.
  RankedTensorType halfType(Value value) {
    Dims dims = getDims(value);
    dims.back() = halfOf(value);
    return getTensorType(dims, getElementTypeOrSelf(value), getNumSymbols(value.getType()));
  }
  bool hasSameLast(Value a, Value b) {
    Dims x = getDims(a), y = getDims(b);
    return !x.empty() && !y.empty() && x.back() == y.back();
  }
  /// Whether the elements of every pair in rows of `size` are equal.
  bool repeats(ArrayRef<float> elements, int64_t size) {
    int64_t half = size / 2;
    for (size_t row = 0; row < elements.size(); row += size)
      for (int64_t i = 0; i < half; ++i) {
        size_t a = row + (interleaved ? 2 * i : i), b = row + (interleaved ? 2 * i + 1 : i + half);
        if (elements[a] != elements[b])
          return false;
      }
    return true;
  }
  Value ofConstant(ConstantOp op);
  Value ofReshape(ReshapeOp op, unsigned depth);
  Value ofBroadcast(BroadcastToOp op, unsigned depth);
  Value ofElementwise(Operation *op, unsigned depth);
  /// The op once more, on half of its first operand.
  Value ofMovement(Operation *op, unsigned depth);
};
} // namespace

Value Halver::ofConstant(ConstantOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<float> storage;
  std::optional<ArrayRef<float>> floats = getFloats(op.getElements(), storage);
  if (!floats || !repeats(*floats, type.getShape().back()))
    return nullptr;
  Dims starts(type.getRank(), builder.getAffineConstantExpr(0));
  SmallVector<int64_t> steps(type.getRank(), 1);
  steps.back() = interleaved ? 2 : 1;
  return SliceOp::create(builder, op.getLoc(), halfType(op), op,
                         AffineMapAttr::get(AffineMap::get(0, 0, starts, op.getContext())),
                         builder.getDenseI64ArrayAttr(steps));
}

Value Halver::ofReshape(ReshapeOp op, unsigned depth) {
  if (hasSameLast(op.getInput(), op.getResult())) {
    Value half = halve(op.getInput(), depth);
    return half ? ReshapeOp::create(builder, op.getLoc(), halfType(op), half) : Value();
  }
  // What is repeated and then joined: [.., n, 1] to [.., n, 2] to [.., 2 n], or
  // with the copies first.
  Value source = op.getInput();
  while (auto reshape = source.getDefiningOp<ReshapeOp>())
    source = reshape.getInput();
  auto repeat = source.getDefiningOp<BroadcastToOp>();
  Dims in = repeat ? getDims(repeat.getInput()) : Dims(), middle = getDims(source);
  Dims out = getDims(op.getResult());
  auto groups = getReshapeGroups(middle, out, getNumSymbols(op.getType()));
  if (!repeat || in.size() != middle.size() || !groups || groups->back().outEnd != out.size() ||
      groups->back().outBegin + 1 != out.size())
    return nullptr;
  SmallVector<size_t> joined;
  for (size_t i = 0; i < middle.size(); ++i) {
    bool isLast = i >= groups->back().inBegin;
    if (!isLast && in[i] != middle[i])
      return nullptr;
    if (isLast && !isConstantDim(middle[i], 1))
      joined.push_back(i);
  }
  if (joined.size() != 2)
    return nullptr;
  size_t copies = joined[interleaved ? 1 : 0], kept = joined[interleaved ? 0 : 1];
  if (!isConstantDim(in[copies], 1) || !isConstantDim(middle[copies], 2) ||
      in[kept] != middle[kept])
    return nullptr;
  return reshapeTo(builder, op.getLoc(), repeat.getInput(), halfType(op));
}

Value Halver::ofBroadcast(BroadcastToOp op, unsigned depth) {
  Value input = op.getInput();
  Dims in = getDims(input);
  if (!in.empty() && !isConstantDim(in.back(), 1))
    input = halve(input, depth);
  return input ? BroadcastToOp::create(builder, op.getLoc(), halfType(op), input) : Value();
}

Value Halver::ofElementwise(Operation *op, unsigned depth) {
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    Dims dims = getDims(operand);
    if (dims.empty() || isConstantDim(dims.back(), 1) || mapping.contains(operand))
      continue;
    Value half = halve(operand, depth);
    if (!half)
      return nullptr;
    mapping.map(operand, half);
  }
  Operation *halved = builder.clone(*op, mapping);
  halved->getResult(0).setType(halfType(op->getResult(0)));
  return halved->getResult(0);
}

Value Halver::ofMovement(Operation *op, unsigned depth) {
  Value half = halve(op->getOperand(0), depth);
  if (!half)
    return nullptr;
  IRMapping mapping;
  mapping.map(op->getOperand(0), half);
  Operation *halved = builder.clone(*op, mapping);
  halved->getResult(0).setType(halfType(op->getResult(0)));
  return halved->getResult(0);
}

Value Halver::halve(Value value, unsigned depth) {
  Operation *op = value.getDefiningOp();
  int64_t rank = getTensorType(value).getRank();
  if (!op || depth > kMaxDepth || rank == 0 || !halfOf(value))
    return nullptr;
  if (std::optional<Pairs> stack = matchStack(value);
      stack && stack->first == stack->second && stack->interleaved == interleaved)
    return reshapeTo(builder, value.getLoc(), stack->first, halfType(value));
  if (std::optional<Pairs> pairs = matchPairs(value);
      pairs && pairs->first == pairs->second && pairs->interleaved == interleaved)
    return pairs->first;
  ++depth;
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](ConstantOp constant) { return ofConstant(constant); })
      .Case([&](ReshapeOp reshape) { return ofReshape(reshape, depth); })
      .Case([&](BroadcastToOp broadcast) { return ofBroadcast(broadcast, depth); })
      .Case([&](ElementwiseOpInterface) { return ofElementwise(op, depth); })
      .Case([&](TransposeOp transpose) {
        return transpose.getPermutation().back() == rank - 1 ? ofMovement(op, depth) : Value();
      })
      .Case([&](SliceOp slice) {
        bool isWhole = isConstantDim(slice.getStarts().getResults().back(), 0) &&
                       slice.getSteps().back() == 1 && hasSameLast(slice.getInput(), value);
        return isWhole ? ofMovement(op, depth) : Value();
      })
      .Case([&](ConcatOp concat) -> Value {
        if (static_cast<int64_t>(concat.getAxis()) == rank - 1)
          return nullptr;
        return ofElementwise(op, depth);
      })
      .Case([&](GatherOp gather) {
        bool isRow = static_cast<int64_t>(gather.getAxis()) + 1 <
                     getTensorType(gather.getData()).getRank();
        return isRow ? ofMovement(op, depth) : Value();
      })
      .Case([&](GatherNDOp gather) {
        int64_t indexed = gather.getBatchDims() +
                          getTensorType(gather.getIndices()).getShape().back();
        bool isRow = indexed < getTensorType(gather.getData()).getRank();
        return isRow ? ofMovement(op, depth) : Value();
      })
      .Default([](Operation *) { return Value(); });
}

Value winnow::getHalf(OpBuilder &builder, Value value, bool interleaved) {
  return Halver{builder, interleaved}.halve(value, 0);
}

#include "Relevance.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace winnow;

RelevanceWalk::RelevanceWalk(func::FuncOp entry)
    : entry(entry), b_(entry.getBody().front().getTerminator()), loc(entry.getLoc()),
      numSymbols(getSymbols(entry).size()) {}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

void RelevanceWalk::start(Value output, bool isOneHot) {
  loc = output.getLoc();
  Value r = toF32(output);
  if (isOneHot) {
    int64_t last = getDims(output).size() - 1;
    Value isTop = compare(ComparePredicate::EQ, r, reduce(ReduceKind::Max, r, {last}, true));
    r = select(isTop, createScalarF32(1), createScalarF32(0));
  }
  entering = getTotal(r);
  give(output, r);
}

LogicalResult RelevanceWalk::run() {
  SmallVector<Operation *> ops;
  Block &block = entry.getBody().front();
  for (Operation &op : block)
    ops.push_back(&op);
  // Before any relevance there was nothing to pass on.
  for (Operation *op : llvm::reverse(ops)) {
    bool isReached =
        llvm::any_of(op->getResults(), [&](Value value) { return getRelevance(value); });
    if (!isReached)
      continue;
    bool isOne = op->getNumResults() == 1 || isa<TopKOp>(op);
    if (!isOne || op->getNumRegions() != 0)
      return op->emitError("no relevance rule for ") << op->getName();
    if (failed(pass(op)))
      return failure();
  }
  return success();
}

Value RelevanceWalk::getLeaving() {
  Value sum = leaving ? leaving : createScalarF32(0);
  for (BlockArgument argument : entry.getArguments())
    if (Value r = getRelevance(argument))
      sum = add(sum, getTotal(r));
  return sum;
}

void RelevanceWalk::give(Value value, Value r) {
  if (!isCarrier(value)) {
    Value total = getTotal(r);
    leaving = leaving ? add(leaving, total) : total;
    return;
  }
  r = reshape(r, getDims(value));
  Value &sum = relevance[value];
  sum = sum ? add(sum, r) : r;
}

bool RelevanceWalk::isCarrier(Value value) {
  if (!isa<FloatType>(getElementTypeOrSelf(value)))
    return false;
  if (isa<BlockArgument>(value))
    return true;
  auto [it, isNew] = carriers.try_emplace(value, false);
  if (!isNew)
    return it->second;
  Operation *op = value.getDefiningOp();
  bool carries = llvm::any_of(op->getOperands(), [&](Value operand) { return isCarrier(operand); });
  // An embedding.
  if (isa<GatherOp, GatherNDOp>(op))
    carries |= isConstantExpression(op->getOperand(0)) && getDims(op->getOperand(0)).size() >= 2 &&
               !isConstantExpression(op->getOperand(1));
  if (op->getNumRegions() != 0)
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (operand.getParentBlock() == &entry.getBody().front())
          carries |= isCarrier(operand);
    });
  return carriers[value] = carries;
}

/// Made of constants and sizes only.
static bool isConstantOnly(Value value, unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  return op && depth < 16 && op->getNumRegions() == 0 && op->getNumResults() == 1 &&
         llvm::all_of(op->getOperands(),
                      [&](Value operand) { return isConstantOnly(operand, depth + 1); });
}

bool RelevanceWalk::takesPartInSum(Value value) {
  if (isCarrier(value))
    return true;
  unsigned extended =
      llvm::count_if(getDims(value), [](AffineExpr dim) { return !isConstantDim(dim, 1); });
  return extended >= 2 && isConstantOnly(value);
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

Value RelevanceWalk::createScalarF32(double value) {
  return createScalar(b_, loc, b_.getF32Type(), value);
}

Value RelevanceWalk::toF32(Value value) {
  if (getElementTypeOrSelf(value).isF32())
    return value;
  Value &cast = floats[value];
  if (!cast)
    cast =
        CastOp::create(b_, loc, getTensorType(getDims(value), b_.getF32Type(), numSymbols), value);
  return cast;
}

Value RelevanceWalk::broadcast(Value value, ArrayRef<AffineExpr> dims) {
  auto type = getTensorType(dims, getElementTypeOrSelf(value), numSymbols);
  return value.getType() == type ? value : Value(BroadcastToOp::create(b_, loc, type, value));
}

Value RelevanceWalk::createZeros(ArrayRef<AffineExpr> dims) {
  return broadcast(createScalarF32(0), dims);
}

Value RelevanceWalk::select(Value condition, Value a, Value b) {
  FailureOr<Dims> dims = broadcastDims({getDims(condition), getDims(a), getDims(b)}, numSymbols);
  auto type = getTensorType(*dims, getElementTypeOrSelf(a), numSymbols);
  return SelectOp::create(b_, loc, type, condition, a, b);
}

Value RelevanceWalk::divide(Value a, Value b) {
  Value zero = createScalarF32(0), small = createScalarF32(1e-9);
  Value stabiliser = select(compare(ComparePredicate::LT, b, zero), createScalarF32(-1e-9), small);
  Value quotient = DivOp::create(b_, loc, a, add(b, stabiliser));
  return selectOrZero(compare(ComparePredicate::NE, b, zero), quotient);
}

Value RelevanceWalk::reduce(ReduceKind kind, Value value, ArrayRef<int64_t> axes, bool keepdims) {
  return ReduceOp::create(b_, loc, kind, value, axes, keepdims);
}

Value RelevanceWalk::getTotal(Value value) {
  int64_t rank = getDims(value).size();
  return rank == 0
             ? value
             : reduce(ReduceKind::Sum, value, llvm::to_vector(llvm::seq<int64_t>(rank)), false);
}

Value RelevanceWalk::reduceTo(Value value, Value like) {
  Dims from = getDims(value), to = getDims(like);
  // What the operand has more of was broadcast by the other operand's absence of it.
  size_t extra = from.size() - to.size();
  SmallVector<int64_t> axes;
  for (size_t i = 0; i < from.size(); ++i)
    if (i < extra || (isConstantDim(to[i - extra], 1) && !isConstantDim(from[i], 1)))
      axes.push_back(i);
  if (!axes.empty())
    value = reduce(ReduceKind::Sum, value, axes, false);
  return reshape(value, to);
}

Value RelevanceWalk::linear(Value x, Value weight, bool isTransposed, Value residual) {
  Dims dims = getDims(x);
  dims.back() = getDims(weight)[isTransposed ? 0 : 1];
  return LinearOp::create(b_, loc, getTensorType(dims, b_.getF32Type(), numSymbols), x, weight,
                          /*bias=*/Value(), residual, Activation::None, isTransposed);
}

Value RelevanceWalk::getPart(Value weight, bool isPositive) {
  if (Value known = parts.lookup({weight, unsigned(isPositive)}))
    return known;
  Operation *op = weight.getDefiningOp();
  auto type = getTensorType(getDims(weight), b_.getF32Type(), numSymbols);
  Value result;
  SmallVector<float> storage;
  std::optional<ArrayRef<float>> floats;
  if (ElementsAttr elements = getConstantElements(weight))
    floats = getFloats(elements, storage);
  if (floats) {
    std::vector<float> part(floats->begin(), floats->end());
    if (part.size() == 1)
      part.resize(type.getNumElements(), part.front());
    for (float &value : part)
      value = isPositive ? std::max(value, 0.0f) : std::min(value, 0.0f);
    ArrayRef<char> bytes(reinterpret_cast<const char *>(part.data()), part.size() * sizeof(float));
    constexpr size_t kMinResourceBytes = 1024;
    TypedAttr attr = DenseElementsAttr::getFromRawBuffer(
        type, bytes.size() <= kMinResourceBytes ? bytes : ArrayRef<char>(bytes.data(), 4));
    if (bytes.size() > kMinResourceBytes)
      attr = cast<TypedAttr>(Attribute(DenseResourceElementsAttr::get(
          type, isPositive ? "positive_part" : "negative_part",
          HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64, /*dataIsMutable=*/false))));
    result = ConstantOp::create(b_, loc, type, attr);
  } else if (isa_and_nonnull<TransposeOp, ReshapeOp, SliceOp, ConcatOp>(op) &&
             isConstantExpression(weight)) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(getPart(operand, isPositive));
    Operation *copy = b_.clone(*op);
    copy->setOperands(operands);
    copy->getResult(0).setType(type);
    result = copy->getResult(0);
  } else if (isa_and_nonnull<CastOp>(op) && isConstantExpression(weight)) {
    result = getPart(op->getOperand(0), isPositive);
  } else {
    Value value = toF32(weight);
    result = isPositive ? Value(ReluOp::create(b_, loc, value))
                        : Value(MinimumOp::create(b_, loc, value, createScalarF32(0)));
  }
  return parts[{weight, unsigned(isPositive)}] = result;
}

#include "IndexExpr.h"
#include "Elements.h"
#include "Utils.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// Chains longer than this are not index arithmetic that an exporter writes.
static constexpr unsigned kMaxDepth = 32;
/// Constants of more elements are tables.
static constexpr int64_t kMaxElements = 1 << 18;

static bool isNonNegativeExpr(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() >= 0;
  // A symbol is the size of a dimension.
  if (isa<AffineSymbolExpr>(expr))
    return true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return binary && expr.getKind() != AffineExprKind::Mod &&
         isNonNegativeExpr(binary.getLHS()) && isNonNegativeExpr(binary.getRHS());
}

bool LinearIndex::isNonNegative() const {
  return isNonNegativeExpr(offset) && llvm::all_of(coefficients, isNonNegativeExpr);
}

bool LinearIndex::isUniform() const {
  return llvm::all_of(coefficients, [](AffineExpr c) { return isConstantDim(c, 0); });
}

namespace {
struct Analyzer {
  MLIRContext *context;
  unsigned numSymbols;

  AffineExpr constant(int64_t value) { return getAffineConstantExpr(value, context); }

  /// An index over the shape of `value` with zero coefficients.
  LinearIndex uniform(Value value, AffineExpr offset) {
    Dims dims = getDims(value);
    return {dims, Dims(dims.size(), constant(0)), offset, numSymbols};
  }
  LinearIndex normalized(LinearIndex index) {
    for (auto [dim, coefficient] : llvm::zip_equal(index.dims, index.coefficients))
      if (isConstantDim(dim, 1))
        coefficient = constant(0);
    return index;
  }

  std::optional<LinearIndex> fromConstant(ConstantOp op) {
    auto dense = dyn_cast<DenseIntElementsAttr>(op.getValue());
    if (!dense || dense.getNumElements() == 0 || dense.getNumElements() > kMaxElements)
      return std::nullopt;
    if (dense.isSplat())
      return uniform(op, constant((*dense.getValues<APInt>().begin()).getSExtValue()));
    return fromElements(op.getType().getShape(), dense, 0, 1);
  }

  /// Every `stride`th element from `begin` on, which `sizes` are the sizes of.
  std::optional<LinearIndex> fromElements(ArrayRef<int64_t> sizes, DenseIntElementsAttr dense,
                                          int64_t begin, int64_t stride) {
    auto elements = dense.getValues<APInt>();
    auto at = [&](int64_t i) { return elements[begin + i * stride].getSExtValue(); };
    SmallVector<int64_t> steps(sizes.size(), 0), apart = getStrides(sizes);
    LinearIndex result{{}, {}, constant(at(0)), numSymbols};
    for (auto [d, size] : llvm::enumerate(sizes)) {
      steps[d] = size > 1 ? at(apart[d]) - at(0) : 0;
      result.dims.push_back(constant(size));
      result.coefficients.push_back(constant(steps[d]));
    }
    bool isLinear = true;
    forEachIndex(sizes, [&](int64_t number, ArrayRef<int64_t> place) {
      int64_t expected = at(0);
      for (auto [step, i] : llvm::zip_equal(steps, place))
        expected += step * i;
      isLinear &= at(number) == expected;
    });
    return isLinear ? std::optional(result) : std::nullopt;
  }

  std::optional<LinearIndex> fromReshape(ReshapeOp op, const LinearIndex &in) {
    LinearIndex out = uniform(op, in.offset);
    auto groups = getReshapeGroups(in.dims, out.dims, numSymbols);
    if (!groups)
      return std::nullopt;
    for (const ReshapeGroup &group : *groups) {
      std::optional<unsigned> from, to;
      bool isSplit = false, isZero = true;
      for (unsigned i = group.inBegin; i < group.inEnd; ++i) {
        isZero &= isConstantDim(in.coefficients[i], 0);
        if (!isConstantDim(in.dims[i], 1))
          isSplit |= std::exchange(from, i).has_value();
      }
      for (unsigned i = group.outBegin; i < group.outEnd; ++i)
        if (!isConstantDim(out.dims[i], 1))
          isSplit |= std::exchange(to, i).has_value();
      if (isZero)
        continue;
      if (isSplit || !from || !to)
        return std::nullopt;
      out.coefficients[*to] = in.coefficients[*from];
    }
    return out;
  }

  LinearIndex fromBroadcast(Value result, const LinearIndex &in) {
    LinearIndex out = uniform(result, in.offset);
    size_t skip = out.dims.size() - in.dims.size();
    for (size_t i = 0; i < in.dims.size(); ++i)
      out.coefficients[skip + i] = in.coefficients[i];
    return out;
  }

  std::optional<LinearIndex> fromBinary(Operation *op, unsigned depth) {
    auto lhs = analyze(op->getOperand(0), depth), rhs = analyze(op->getOperand(1), depth);
    if (!lhs || !rhs)
      return std::nullopt;
    LinearIndex a = fromBroadcast(op->getResult(0), *lhs);
    LinearIndex b = fromBroadcast(op->getResult(0), *rhs);
    if (isa<MulOp>(op)) {
      if (!b.isUniform())
        std::swap(a, b);
      if (!b.isUniform())
        return std::nullopt;
      for (AffineExpr &coefficient : a.coefficients)
        coefficient = coefficient * b.offset;
      a.offset = a.offset * b.offset;
      return a;
    }
    int64_t sign = isa<SubOp>(op) ? -1 : 1;
    for (auto [x, y] : llvm::zip_equal(a.coefficients, b.coefficients))
      x = x + y * sign;
    a.offset = a.offset + b.offset * sign;
    return a;
  }

  std::optional<LinearIndex> fromSlice(SliceOp op, LinearIndex index) {
    for (auto [i, step] : llvm::enumerate(op.getSteps())) {
      AffineExpr start = op.getStarts().getResult(i);
      // A clamped or negative walk is fine: it is linear all the same.
      index.offset = index.offset + index.coefficients[i] * start;
      index.coefficients[i] = index.coefficients[i] * step;
    }
    index.dims = getDims(op.getResult());
    return index;
  }

  /// Parts that each go on where the one before ends.
  std::optional<LinearIndex> fromConcat(ConcatOp op, unsigned depth) {
    int64_t axis = op.getAxis();
    LinearIndex joined = uniform(op, constant(0));
    SmallVector<LinearIndex> parts;
    std::optional<AffineExpr> step;
    for (Value input : op.getInputs()) {
      std::optional<LinearIndex> part = analyze(input, depth);
      if (!part)
        return std::nullopt;
      parts.push_back(*part);
      // A part of one element may go on with any step.
      if (!isConstantDim(part->dims[axis], 1))
        step = part->coefficients[axis];
    }
    if (!step)
      return std::nullopt;
    joined.offset = parts.front().offset;
    joined.coefficients = parts.front().coefficients;
    AffineExpr begin = constant(0);
    for (LinearIndex &part : parts) {
      if (isConstantDim(part.dims[axis], 1))
        part.coefficients[axis] = *step;
      joined.coefficients[axis] = *step;
      for (auto [a, b] : llvm::zip_equal(part.coefficients, joined.coefficients))
        if (!isSameDim(a, b, numSymbols))
          return std::nullopt;
      if (!isSameDim(part.offset, joined.offset + begin * *step, numSymbols))
        return std::nullopt;
      begin = begin + part.dims[axis];
    }
    return joined;
  }

  std::optional<LinearIndex> analyze(Value value, unsigned depth) {
    Operation *op = value.getDefiningOp();
    if (!op || depth > kMaxDepth)
      return std::nullopt;
    Type elementType = getElementTypeOrSelf(value);
    // Narrow integers wrap, and what wraps is not linear.
    if (!elementType.isInteger() || elementType.getIntOrFloatBitWidth() < 32)
      return std::nullopt;
    auto input = [&]() { return analyze(op->getOperand(0), depth + 1); };
    auto index =
        TypeSwitch<Operation *, std::optional<LinearIndex>>(op)
            .Case([&](ConstantOp constant) { return fromConstant(constant); })
            .Case([&](IotaOp iota) -> std::optional<LinearIndex> {
              LinearIndex out = uniform(value, constant(iota.getStart()));
              out.coefficients[0] = constant(iota.getStep());
              return out;
            })
            .Case([&](DimValuesOp dims) -> std::optional<LinearIndex> {
              if (dims.getValues().getNumResults() != 1)
                return std::nullopt;
              return uniform(value, dims.getValues().getResult(0));
            })
            .Case([&](ReshapeOp reshape) -> std::optional<LinearIndex> {
              auto in = input();
              return in ? fromReshape(reshape, *in) : std::nullopt;
            })
            .Case([&](TransposeOp transpose) -> std::optional<LinearIndex> {
              auto in = input();
              if (!in)
                return std::nullopt;
              LinearIndex out = uniform(value, in->offset);
              for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
                out.coefficients[i] = in->coefficients[from];
              return out;
            })
            .Case([&](BroadcastToOp) -> std::optional<LinearIndex> {
              auto in = input();
              return in ? std::optional(fromBroadcast(value, *in)) : std::nullopt;
            })
            .Case([&](SliceOp slice) -> std::optional<LinearIndex> {
              auto in = input();
              return in ? fromSlice(slice, *in) : std::nullopt;
            })
            .Case([&](ConcatOp concat) { return fromConcat(concat, depth + 1); })
            .Case([&](CastOp cast) -> std::optional<LinearIndex> {
              auto in = input();
              if (in)
                in->dims = getDims(value);
              return in;
            })
            .Case<AddOp, SubOp, MulOp>([&](Operation *binary) {
              return fromBinary(binary, depth + 1);
            })
            .Default([](Operation *) { return std::nullopt; });
    if (!index || llvm::is_contained(index->dims, AffineExpr()))
      return std::nullopt;
    return normalized(*index);
  }
};
} // namespace

/// Sizes may mention symbols that the value's own type does not.
static unsigned countSymbols(Value value) {
  unsigned numSymbols = getNumSymbols(value.getType());
  if (Operation *op = value.getDefiningOp())
    if (auto func = op->getParentOfType<FunctionOpInterface>())
      numSymbols = std::max<unsigned>(numSymbols, getSymbols(func).size());
  return numSymbols;
}

std::optional<LinearIndex> winnow::getLinearIndex(Value value) {
  return Analyzer{value.getContext(), countSymbols(value)}.analyze(value, 0);
}

std::optional<SmallVector<LinearIndex>> winnow::getLinearTuple(Value tuples) {
  Dims dims = getDims(tuples);
  SmallVector<LinearIndex> parts;
  if (auto concat = tuples.getDefiningOp<ConcatOp>()) {
    if (concat.getAxis() + 1 != int64_t(dims.size()) ||
        !isConstantDim(dims.back(), concat.getInputs().size()))
      return std::nullopt;
    for (Value part : concat.getInputs()) {
      std::optional<LinearIndex> index = getLinearIndex(part);
      if (!index)
        return std::nullopt;
      parts.push_back(*index);
    }
    return parts;
  }
  auto constant = tuples.getDefiningOp<ConstantOp>();
  auto dense = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : nullptr;
  if (!dense || dims.empty() || dense.getNumElements() == 0 ||
      dense.getNumElements() > kMaxElements || !dense.getElementType().isInteger(64))
    return std::nullopt;
  auto sizes = llvm::to_vector(constant.getType().getShape());
  int64_t count = std::exchange(sizes.back(), 1);
  for (int64_t i = 0; i < count; ++i) {
    std::optional<LinearIndex> index =
        Analyzer{tuples.getContext(), countSymbols(tuples)}.fromElements(sizes, dense, i, count);
    if (!index)
      return std::nullopt;
    parts.push_back(*index);
  }
  return parts;
}

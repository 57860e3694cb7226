#include "TraceElements.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

using namespace mlir;
using namespace winnow;

namespace {
/// A dimension as a slice of counters, the slowest first.
struct Radix {
  SmallVector<unsigned> counters;
  AffineExpr offset, step, extent;
};
} // namespace

static std::optional<Radix> getRadix(const ElementTracer &tracer, const Position &position,
                                     MLIRContext *context) {
  AffineExpr one = getAffineConstantExpr(1, context);
  Radix radix{{}, position.offset, one, one};
  SmallVector<Position::Term> left(position.terms.begin(), position.terms.end());
  // The fastest first: the one of which all other factors are multiples.
  AffineExpr expected;
  while (!left.empty()) {
    auto *next = llvm::find_if(left, [&](const Position::Term &term) {
      if (expected)
        return term.factor == expected;
      return llvm::all_of(left, [&](const Position::Term &other) {
        return divideDim(other.factor, term.factor) != nullptr;
      });
    });
    if (next == left.end() || !tracer.getSize(next->counter))
      return std::nullopt;
    if (!expected)
      radix.step = next->factor;
    AffineExpr size = tracer.getSize(next->counter);
    expected = normalizeDim(next->factor * size);
    radix.extent = normalizeDim(radix.extent * size);
    radix.counters.insert(radix.counters.begin(), next->counter);
    left.erase(next);
  }
  return radix;
}

/// `value` over counters as a tensor over others: transposed, with 1 for those that it
/// does not have.
static Value orderCounters(OpBuilder &builder, Location loc, Value value, ArrayRef<unsigned> from,
                           ArrayRef<unsigned> to) {
  SmallVector<unsigned> present = llvm::to_vector(
      llvm::make_filter_range(to, [&](unsigned c) { return llvm::is_contained(from, c); }));
  if (present.size() != from.size())
    return nullptr;
  SmallVector<int64_t> permutation;
  for (unsigned counter : present)
    permutation.push_back(llvm::find(from, counter) - from.begin());
  if (!llvm::is_sorted(permutation))
    value = createTranspose(builder, loc, value, permutation);
  return value;
}

Value ElementTracer::rebuild(OpBuilder &builder, Location loc, const Element &origin,
                             ArrayRef<Position> axes) {
  Dims starts, extents, split;
  SmallVector<int64_t> steps;
  SmallVector<unsigned> from;
  bool isWhole = true;
  for (auto [position, dim] : llvm::zip_equal(origin.at, getDims(origin.value))) {
    std::optional<Radix> radix = getRadix(*this, normalize(position), context);
    std::optional<int64_t> step = radix ? getConstantDim(radix->step) : std::nullopt;
    if (!step || *step < 1)
      return nullptr;
    starts.push_back(radix->offset);
    steps.push_back(*step);
    extents.push_back(radix->extent);
    isWhole &= *step == 1 && isConstantDim(radix->offset, 0) && radix->extent == normalizeDim(dim);
    for (unsigned counter : radix->counters) {
      if (llvm::is_contained(from, counter))
        return nullptr;
      from.push_back(counter);
      split.push_back(counters[counter].size);
    }
  }
  Value value = origin.value;
  Type element = getElementTypeOrSelf(value);
  if (!isWhole)
    value = SliceOp::create(builder, loc, getTensorType(extents, element, numSymbols), value,
                            AffineMapAttr::get(AffineMap::get(0, numSymbols, starts, context)),
                            builder.getDenseI64ArrayAttr(steps));
  value = reshapeTo(builder, loc, value, split, numSymbols);
  SmallVector<unsigned> to;
  Dims dims;
  for (const Position &axis : axes) {
    std::optional<Radix> radix = getRadix(*this, normalize(axis), context);
    if (!radix)
      return nullptr;
    bool isThere =
        llvm::any_of(radix->counters, [&](unsigned c) { return llvm::is_contained(from, c); });
    to.append(radix->counters);
    dims.push_back(isThere ? radix->extent : getAffineConstantExpr(1, context));
    if (isThere &&
        !llvm::all_of(radix->counters, [&](unsigned c) { return llvm::is_contained(from, c); }))
      return nullptr;
  }
  value = orderCounters(builder, loc, value, from, to);
  return value ? reshapeTo(builder, loc, value, dims, numSymbols) : Value();
}

Value ElementTracer::arrange(OpBuilder &builder, Location loc, Value value, ArrayRef<Position> axes,
                             const Positions &at, ArrayRef<AffineExpr> dims) {
  SmallVector<unsigned> from, to;
  Dims split;
  for (const Position &axis : axes) {
    std::optional<Radix> radix = getRadix(*this, normalize(axis), context);
    if (!radix)
      return nullptr;
    from.append(radix->counters);
    for (unsigned counter : radix->counters)
      split.push_back(counters[counter].size);
  }
  for (auto [position, dim] : llvm::zip_equal(at, dims)) {
    std::optional<Radix> radix = getRadix(*this, normalize(position), context);
    if (!radix || !isConstantDim(radix->offset, 0) || !isConstantDim(radix->step, 1) ||
        !isSameDim(radix->extent, dim, numSymbols))
      return nullptr;
    for (unsigned counter : radix->counters)
      if (llvm::is_contained(to, counter))
        return nullptr;
    to.append(radix->counters);
  }
  if (to.size() != from.size())
    return nullptr;
  value = reshapeTo(builder, loc, value, split, numSymbols);
  value = orderCounters(builder, loc, value, from, to);
  return value ? reshapeTo(builder, loc, value, dims, numSymbols) : Value();
}

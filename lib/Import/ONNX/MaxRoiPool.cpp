#include "Numbers.h"
#include "OpTable.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

namespace {
/// The bins of all regions along one spatial dimension.
struct Bins {
  /// Whether a position lies in a bin: [regions, bins, positions].
  Value contains;
  /// Whether any does: [regions, bins].
  Value isFilled;
};
} // namespace

/// x rounded to the nearest integer, ties away from zero.
static Value roundAway(OpImporter &n, Value x) {
  Value size = n.make<FloorOp>(n.make<AddOp>(n.make<AbsOp>(x), n.scalarLike(x, 0.5)));
  return n.make<MulOp>(n.make<SignOp>(x), size);
}

/// Column `first` of the regions holds where they start, two columns later is where
/// they end.
static Bins getBins(OpImporter &n, Value regions, int64_t first, double scale, AffineExpr size,
                    int64_t count) {
  if (n.failed())
    return {};
  AffineExpr rows = n.dims(regions)[0], one = n.constant(1), bins = n.constant(count);
  Type i64 = n.b.getI64Type(), f32 = n.b.getF32Type();
  auto column = [&](int64_t i) {
    Value x = n.reshape(n.sliceDim(regions, 1, n.constant(i), one), {rows, one});
    return roundAway(n, n.make<MulOp>(x, n.scalarLike(x, scale)));
  };
  Value start = column(first), end = column(first + 2);
  Value extent = n.make<AddOp>(n.make<SubOp>(end, start), n.scalarLike(start, 1));
  extent = n.make<MaximumOp>(extent, n.scalarLike(extent, 1));
  Value width = n.make<DivOp>(extent, n.scalarLike(extent, double(count)));
  Value number = n.reshape(n.convert(n.iota(bins, i64), f32), {one, bins});
  Value low = n.make<FloorOp>(n.make<MulOp>(number, width));
  Value next = n.make<AddOp>(number, n.scalarLike(number, 1));
  Value high = n.make<CeilOp>(n.make<MulOp>(next, width));
  Numbers m(n);
  auto place = [&](Value x) {
    return m.clamp(n.convert(n.make<AddOp>(x, start), i64), m.constant(0), m.size(size));
  };
  low = place(low);
  high = place(high);
  Dims apart = {rows, bins, one};
  Value position = n.reshape(n.iota(size, i64), {one, one, size});
  Value isAfter = n.compare(ComparePredicate::GE, position, n.reshape(low, apart));
  Value isBefore = n.compare(ComparePredicate::LT, position, n.reshape(high, apart));
  return {n.make<AndOp>(isAfter, isBefore), m.less(low, high)};
}

/// The greatest element of each bin of each region, a row [batch entry, x1, y1, x2,
/// y2]; 0 where a bin has none. First the columns, then the rows.
static void importMaxRoiPool(OpImporter &n) {
  std::optional<SmallVector<int64_t>> pooled = n.intsAttr("pooled_shape");
  double scale = n.floatAttr("spatial_scale", 1);
  constexpr int64_t kMaxBins = 1 << 16;
  if (!n.failed() && (!pooled || pooled->size() != 2 || llvm::any_of(*pooled, [](int64_t size) {
        return size < 1 || size > kMaxBins;
      })))
    return n.invalid("expected two sizes from 1 to " + Twine(kMaxBins) + " as pooled_shape");
  if (!n.failed() && (n.rank(0) != 4 || n.rank(1) != 2))
    return n.invalid("expected an input of rank 4 and regions of rank 2, got ranks " +
                     Twine(n.rank(0)) + " and " + Twine(n.rank(1)));
  if (n.failed())
    return;
  Dims dims = n.dims(0);
  AffineExpr rows = n.dims(1)[0], one = n.constant(1), channels = dims[1];
  n.unify(n.dims(1)[1], n.constant(5), "the elements of a region and 5");
  Value regions = n.convert(n.in(1), n.b.getF32Type());
  Value batch = n.reshape(n.sliceDim(regions, 1, n.constant(0), one), {rows});
  Value x = n.make<GatherOp>(n.in(0), n.convert(batch, n.b.getI64Type()), 0);
  AffineExpr height = n.constant((*pooled)[0]), width = n.constant((*pooled)[1]);
  Bins across = getBins(n, regions, 1, scale, dims[3], (*pooled)[1]);
  Bins down = getBins(n, regions, 2, scale, dims[2], (*pooled)[0]);
  Value least = n.scalarLike(x, -INFINITY);
  Value inColumns = n.reshape(across.contains, {rows, one, one, width, dims[3]});
  Value wide = n.reshape(x, {rows, channels, dims[2], one, dims[3]});
  x = n.reduce(ReduceKind::Max, n.make<SelectOp>(inColumns, wide, least), {4}, false);
  Value inRows = n.reshape(down.contains, {rows, one, height, dims[2], one});
  Value tall = n.reshape(x, {rows, channels, one, dims[2], width});
  x = n.reduce(ReduceKind::Max, n.make<SelectOp>(inRows, tall, least), {3}, false);
  Value isFilled = n.make<AndOp>(n.reshape(down.isFilled, {rows, one, height, one}),
                                 n.reshape(across.isFilled, {rows, one, one, width}));
  n.set(n.make<SelectOp>(isFilled, x, n.scalarLike(x, 0)));
}

ArrayRef<OpEntry> getMaxRoiPoolOps() {
  static const OpEntry ops[] = {{"MaxRoiPool", 1, kMaxOpset, 2, 2, importMaxRoiPool}};
  return ops;
}

} // namespace winnow::import

#include "Interpolation.h"
#include "Numbers.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

namespace {
/// One dimension of the regions.
struct Side {
  /// Where samples are, in pixels: [regions, bins, samples].
  Value position;
  /// Whether they are nearer than a pixel's width to the image, else 0.
  Value isNear;
  /// Which samples count: [regions, 1, samples]; null for all.
  Value counts;
  /// How many: [regions, 1, 1], as floats.
  Value number;
  AffineExpr bins, samples;
};
} // namespace

/// `ratio` samples in each of `bins` parts of [start, end), or 0 for one in about
/// each pixel, which data tells.
static Side getSide(OpImporter &n, Value start, Value end, AffineExpr dim, int64_t bins,
                    int64_t ratio, bool hasLeastSize, StringRef name) {
  Side side;
  if (n.failed())
    return side;
  Numbers m(n);
  Type real = getElementTypeOrSelf(start);
  AffineExpr regions = n.dims(start)[0];
  side.bins = n.constant(bins);
  Value size = n.make<SubOp>(end, start);
  if (hasLeastSize)
    size = n.make<MaximumOp>(size, n.scalar(real, 1));
  Value bin = n.make<DivOp>(size, n.scalar(real, bins));
  if (ratio > 0) {
    side.samples = n.constant(ratio);
    side.number = n.scalar(real, ratio);
  } else {
    side.number = n.make<MaximumOp>(n.make<CeilOp>(bin), n.scalar(real, 0));
    Value most = n.reduce(ReduceKind::Max, n.convert(side.number, n.b.getI64Type()), {0, 1, 2},
                          /*keepdims=*/false);
    if (n.symbols.isLess(n.constant(0), regions) != true) {
      // The largest of none is the least integer.
      most = m.max(most, m.constant(0));
    }
    side.samples = n.bindSize(most, name + ".samples", nullptr);
    Value index = countAlong(n, side.samples, 2, 3, real);
    side.counts = n.compare(ComparePredicate::LT, index, side.number);
  }
  Value within = n.make<DivOp>(
      n.make<MulOp>(n.make<AddOp>(countAlong(n, side.samples, 2, 3, real), n.scalar(real, 0.5)),
                    bin),
      n.make<MaximumOp>(side.number, n.scalar(real, 1)));
  Value first = n.make<AddOp>(start, n.make<MulOp>(countAlong(n, side.bins, 1, 3, real), bin));
  Value position = n.make<AddOp>(first, within);
  position = n.broadcastTo(position, {regions, side.bins, side.samples});
  Value length = n.convert(m.size(dim), real), zero = n.scalar(real, 0);
  side.isNear = n.make<AndOp>(n.compare(ComparePredicate::GE, position, n.scalar(real, -1)),
                              n.compare(ComparePredicate::LE, position, length));
  Value last = n.make<SubOp>(length, n.scalar(real, 1));
  side.position = n.make<MinimumOp>(n.make<MaximumOp>(position, zero), last);
  return side;
}

/// RoIAlign (He et al., arXiv 1703.06870): the mean of interpolated samples in each
/// bin of each region; or the largest of the samples' weighted pixels, as the
/// operator defines `max`.
static void importRoiAlign(OpImporter &n) {
  std::string mode = n.stringAttr("mode", "avg");
  std::string transformation = n.stringAttr("coordinate_transformation_mode", "half_pixel");
  int64_t height = n.intAttr("output_height", 1), width = n.intAttr("output_width", 1);
  int64_t ratio = n.intAttr("sampling_ratio", 0);
  double scale = n.floatAttr("spatial_scale", 1);
  if (n.failed())
    return;
  if (mode != "avg" && mode != "max")
    return n.invalid("expected mode avg or max, got '" + mode + "'");
  if (transformation != "half_pixel" && transformation != "output_half_pixel")
    return n.invalid("expected coordinate_transformation_mode half_pixel or output_half_pixel, "
                     "got '" + transformation + "'");
  if (height < 1 || width < 1 || ratio < 0)
    return n.invalid("expected sizes of 1 or more and a sampling_ratio of 0 or more, got " +
                     Twine(height) + ", " + Twine(width) + " and " + Twine(ratio));
  if (n.rank(0) != 4 || n.rank(1) != 2 || n.rank(2) != 1)
    return n.invalid("expected inputs of ranks 4, 2 and 1, got " + Twine(n.rank(0)) + ", " +
                     Twine(n.rank(1)) + " and " + Twine(n.rank(2)));
  bool isHalf = n.opset >= 16 && transformation == "half_pixel";
  AffineExpr regions = n.dims(1)[0], one = n.constant(1);
  n.unify(n.dims(1)[1], n.constant(4), "dimension 1 of the regions and 4");
  n.unify(n.dims(2)[0], regions, "the numbers of regions and batch indices");
  Dims dims = n.dims(0);
  PixelRows pixels = getPixelRows(n, n.in(0), one);
  if (n.failed())
    return;
  Type real = getRealType(n, n.elementType(0), n.elementType(1));
  Value rois = n.make<MulOp>(n.convert(n.in(1), real), n.scalar(real, scale));
  if (isHalf)
    rois = n.make<SubOp>(rois, n.scalar(real, 0.5));
  auto getEdge = [&](int64_t i) {
    return n.reshape(n.sliceDim(rois, 1, n.constant(i), one), {regions, one, one});
  };
  Side rows = getSide(n, getEdge(1), getEdge(3), dims[2], height, ratio, !isHalf, "rows");
  Side columns = getSide(n, getEdge(0), getEdge(2), dims[3], width, ratio, !isHalf, "columns");
  if (n.failed())
    return;
  // [regions, rows, samples, columns, samples]
  auto spread = [&](Value x, bool isRow) {
    if (n.failed())
      return Value();
    Dims d = n.dims(x), wide(5, one);
    wide[0] = d[0];
    wide[isRow ? 1 : 3] = d[1];
    wide[isRow ? 2 : 4] = d[2];
    return n.reshape(x, wide);
  };
  // A batch that there is not fails the run here.
  Value image = n.make<GatherOp>(n.iota(dims[0], n.b.getI64Type()), n.in(2), 0);
  image = n.reshape(image, {regions, one, one, one, one});
  auto getTaps = [&](const Side &side, bool isRow) {
    SmallVector<Tap> taps = getLinearTaps(n, side.position);
    for (Tap &tap : taps) {
      Value weight = n.make<SelectOp>(side.isNear, tap.weight, n.scalar(real, 0));
      tap = {spread(tap.position, isRow), spread(weight, isRow)};
    }
    return taps;
  };
  SmallVector<Value> corners =
      gatherTaps(n, pixels, image, {getTaps(rows, true), getTaps(columns, false)});
  Value result;
  bool isMean = mode == "avg";
  for (Value corner : corners)
    result = !result ? corner
             : isMean ? n.make<AddOp>(result, corner)
                      : n.make<MaximumOp>(result, corner);
  if (rows.counts) {
    Value counts = n.make<AndOp>(spread(rows.counts, true), spread(columns.counts, false));
    if (n.failed())
      return;
    Dims single = n.dims(counts);
    single.push_back(one);
    result = n.make<SelectOp>(n.reshape(counts, single), result,
                              n.scalar(real, isMean ? 0 : -INFINITY));
  }
  Value number = n.make<MaximumOp>(n.make<MulOp>(rows.number, columns.number), n.scalar(real, 1));
  if (n.failed())
    return;
  result = n.reduce(isMean ? ReduceKind::Sum : ReduceKind::Max, result, {2, 4},
                    /*keepdims=*/false);
  if (isMean) {
    if (ratio == 0)
      number = n.reshape(number, {regions, one, one, one});
    result = n.make<DivOp>(result, number);
  } else if (ratio == 0) {
    // The largest of no samples is 0.
    Value isEmpty = n.compare(ComparePredicate::EQ, result, n.scalar(real, -INFINITY));
    result = n.make<SelectOp>(isEmpty, n.scalar(real, 0), result);
  }
  n.set(n.convert(n.transpose(result, {0, 3, 1, 2}), n.elementType(0)));
}

ArrayRef<OpEntry> getRoiAlignOps() {
  static const OpEntry ops[] = {{"RoiAlign", 10, kMaxOpset, 3, 3, importRoiAlign}};
  return ops;
}

} // namespace winnow::import

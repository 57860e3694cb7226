#include "Interpolation.h"
#include "Numbers.h"
#include "OpTable.h"
#include "Window.h"

using namespace mlir;

namespace winnow::import {

/// Deformable convolution (Dai et al., arXiv 1703.06211; with a mask Zhu et al.,
/// arXiv 1811.11168): each position of the kernel reads the input, interpolated, at
/// an offset that an input gives for each output.
static void importDeformConv(OpImporter &n) {
  size_t rank = n.rank(0);
  if (rank < 3 || n.rank(1) != n.rank(0) || n.rank(2) != n.rank(0))
    return n.invalid("expected input, weights and offset of one rank of 3 or more, got ranks " +
                     Twine(rank) + ", " + Twine(n.rank(1)) + " and " + Twine(n.rank(2)));
  if (rank > 5)
    return n.unsupported("interpolation in more than 3 dimensions");
  Dims dims = n.dims(0), weightDims = n.dims(1), offsetDims = n.dims(2);
  SmallVector<int64_t> kernel =
      getKernel(n, ArrayRef(weightDims).drop_front(2), /*canBeDynamic=*/false);
  Window w = getWindow(n, kernel);
  int64_t groups = n.intAttr("group", 1), parts = n.intAttr("offset_group", 1);
  int64_t spatial = rank - 2, numTaps = 1;
  for (int64_t size : kernel)
    numTaps = std::min<int64_t>(numTaps * size, INT32_MAX);
  if (n.failed())
    return;
  if (groups < 1 || groups > 64 || parts < 1)
    return n.unsupported("group " + Twine(groups) + " and offset_group " + Twine(parts) +
                         " instead of 1 to 64 and 1 or more");
  AffineExpr batch = dims[0], outputs = weightDims[0], out = n.constant(groups);
  Dims points(ArrayRef(offsetDims).drop_front(2));
  AffineExpr one = n.constant(1), taps = n.constant(numTaps), part = n.constant(parts);
  AffineExpr share = n.divide(outputs, out, "the output's channels");
  AffineExpr in = n.divide(dims[1], out, "the input's channels");
  n.unify(weightDims[1], in, "the channels of input and weights");
  n.unify(offsetDims[0], batch, "the batch sizes of input and offset");
  n.unify(offsetDims[1], normalizeDim(taps * parts * spatial),
          "the offset's dimension 1 and offset_group times the kernel's coordinates");
  for (int64_t i = 0; i < spatial && !n.failed(); ++i) {
    AffineExpr padded = normalizeDim(dims[i + 2] + w.before[i] + w.after[i]);
    if (AffineExpr count = countWindows(n, padded, w, i))
      n.unify(points[i], count, "the offset's and the output's dimension " + Twine(i + 2));
  }
  PixelRows pixels = getPixelRows(n, n.in(0), part);
  if (n.failed())
    return;
  Type real = getRealType(n, n.elementType(0), n.elementType(2)), i64 = n.b.getI64Type();
  auto withPoints = [&](Dims first, ArrayRef<AffineExpr> last = {}) {
    first.append(points);
    first.append(last.begin(), last.end());
    return first;
  };
  // [batch, part, kernel position, coordinate, points...]
  Value offset = n.reshape(n.convert(n.in(2), real),
                           withPoints({batch, part, taps, n.constant(spatial)}));
  SmallVector<SmallVector<Tap>> choices;
  for (int64_t i = 0; i < spatial && !n.failed(); ++i) {
    Value own = n.reshape(n.sliceDim(offset, 3, n.constant(i), one), withPoints({batch, part, taps}));
    Value start = n.make<MulOp>(countAlong(n, points[i], 3 + i, 3 + spatial, real),
                                n.scalar(real, w.strides[i]));
    Value step = countAlong(n, n.constant(kernel[i]), i, spatial, i64);
    Dims sizes, along(3 + spatial, one);
    for (int64_t size : kernel)
      sizes.push_back(n.constant(size));
    along[2] = taps;
    step = n.convert(n.reshape(n.broadcastTo(step, sizes), along), real);
    step = n.make<SubOp>(n.make<MulOp>(step, n.scalar(real, w.dilations[i])),
                         n.scalar(real, w.before[i]));
    choices.push_back(getLinearTaps(n, n.make<AddOp>(own, n.make<AddOp>(start, step))));
    for (Tap &tap : choices.back())
      tap = zeroOutside(n, tap, dims[2 + i]);
  }
  if (n.failed())
    return;
  Value image = n.make<AddOp>(
      n.make<MulOp>(countAlong(n, batch, 0, 3 + spatial, i64), n.scalar(i64, parts)),
      countAlong(n, part, 1, 3 + spatial, i64));
  Value sum;
  for (Value corner : gatherTaps(n, pixels, image, choices))
    sum = sum ? n.make<AddOp>(sum, corner) : corner;
  if (n.has(4)) {
    if (n.rank(4) != n.rank(0))
      return n.invalid("expected a mask of rank " + Twine(rank) + ", got rank " + Twine(n.rank(4)));
    Dims shape = withPoints({batch, part, taps}, {one});
    n.equate(getNumElements(n.dims(4), n.b.getContext()),
             normalizeDim(getNumElements(shape, n.b.getContext())), "the mask's elements");
    sum = n.make<MulOp>(sum, n.reshape(n.convert(n.in(4), real), shape));
  }
  // [batch, points..., (part, channel), kernel position], as linear layers want.
  SmallVector<int64_t> order = {0};
  llvm::append_range(order, llvm::seq<int64_t>(3, 3 + spatial));
  order.append({1, 3 + spatial, 2});
  Value patches = n.reshape(n.transpose(sum, order), withPoints({batch}, {dims[1], taps}));
  Value weights = n.convert(n.in(1), real);
  SmallVector<Value> results;
  AffineExpr inner = normalizeDim(in * taps);
  for (int64_t g = 0; g < groups && !n.failed(); ++g) {
    Value rows = n.reshape(n.sliceDim(patches, 1 + spatial, in * g, in), withPoints({batch}, {inner}));
    Value filters = n.reshape(n.sliceDim(weights, 0, share * g, share), {share, inner});
    results.push_back(n.make<LinearOp>(rows, filters, Value(), Value(), Activation::None,
                                       /*transpose_weight=*/true));
  }
  if (n.failed())
    return;
  Value result = results.size() == 1 ? results.front() : n.concat(results, 1 + spatial);
  if (n.has(3))
    result = n.make<AddOp>(result, n.convert(n.in(3), real));
  SmallVector<int64_t> back = {0, 1 + spatial};
  llvm::append_range(back, llvm::seq<int64_t>(1, 1 + spatial));
  n.set(n.convert(n.transpose(result, back), n.elementType(0)));
}

ArrayRef<OpEntry> getDeformConvOps() {
  static const OpEntry ops[] = {{"DeformConv", 19, kMaxOpset, 3, 5, importDeformConv}};
  return ops;
}

} // namespace winnow::import

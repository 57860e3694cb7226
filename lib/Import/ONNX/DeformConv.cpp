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
  if (n.rank(0) != 4 || n.rank(1) != 4 || n.rank(2) != 4)
    return n.unsupported("inputs of ranks " + Twine(n.rank(0)) + ", " + Twine(n.rank(1)) + " and " +
                         Twine(n.rank(2)) + " instead of 4");
  Dims dims = n.dims(0), weightDims = n.dims(1), offsetDims = n.dims(2);
  SmallVector<int64_t> kernel =
      getKernel(n, ArrayRef(weightDims).drop_front(2), /*canBeDynamic=*/false);
  Window w = getWindow(n, kernel);
  int64_t groups = n.intAttr("group", 1), parts = n.intAttr("offset_group", 1);
  if (n.failed())
    return;
  if (groups < 1 || groups > 64 || parts < 1)
    return n.unsupported("group " + Twine(groups) + " and offset_group " + Twine(parts) +
                         " instead of 1 to 64 and 1 or more");
  AffineExpr batch = dims[0], outputs = weightDims[0], out = n.constant(groups);
  AffineExpr height = offsetDims[2], width = offsetDims[3], one = n.constant(1);
  AffineExpr points = n.constant(kernel[0] * kernel[1]), part = n.constant(parts);
  AffineExpr share = n.divide(outputs, out, "the output's channels");
  AffineExpr in = n.divide(dims[1], out, "the input's channels");
  n.unify(weightDims[1], in, "the channels of input and weights");
  n.unify(offsetDims[0], batch, "the batch sizes of input and offset");
  n.unify(offsetDims[1], normalizeDim(points * parts * 2), "the offset's dimension 1 and twice offset_group times the kernel's positions");
  for (size_t i = 0; i < 2 && !n.failed(); ++i) {
    AffineExpr padded = normalizeDim(dims[i + 2] + w.before[i] + w.after[i]);
    if (AffineExpr count = countWindows(n, padded, w, i))
      n.unify(offsetDims[i + 2], count, "the offset's and the output's dimension " + Twine(i + 2));
  }
  PixelRows pixels = getPixelRows(n, n.in(0), part);
  if (n.failed())
    return;
  Type real = getElementTypeOrSelf(pixels.rows), i64 = n.b.getI64Type();
  // [batch, part, kernel position, (y, x), height, width]
  Value offset = n.reshape(n.convert(n.in(2), real), {batch, part, points, n.constant(2), height, width});
  auto getPosition = [&](int64_t i) {
    Value own = n.reshape(n.sliceDim(offset, 3, n.constant(i), one),
                          {batch, part, points, height, width});
    Value start = n.make<MulOp>(countAlong(n, i == 0 ? height : width, 3 + i, 5, real),
                                n.scalar(real, w.strides[i]));
    Value step = countAlong(n, n.constant(kernel[i]), i, 2, i64);
    step = n.reshape(n.broadcastTo(step, {n.constant(kernel[0]), n.constant(kernel[1])}),
                     {one, one, points, one, one});
    step = n.make<SubOp>(n.make<MulOp>(n.convert(step, real), n.scalar(real, w.dilations[i])),
                         n.scalar(real, w.before[i]));
    return n.make<AddOp>(own, n.make<AddOp>(start, step));
  };
  Value image = n.make<AddOp>(
      n.make<MulOp>(countAlong(n, batch, 0, 5, i64), n.scalar(i64, parts)),
      countAlong(n, part, 1, 5, i64));
  Value y = getPosition(0), x = getPosition(1), sum;
  for (Value corner : gatherTaps(n, pixels, image,
                                 {getLinearTaps(n, y, dims[2]), getLinearTaps(n, x, dims[3])}))
    sum = sum ? n.make<AddOp>(sum, corner) : corner;
  if (n.has(4)) {
    if (n.rank(4) != 4)
      return n.invalid("expected a mask of rank 4, got rank " + Twine(n.rank(4)));
    n.equate(getNumElements(n.dims(4), n.b.getContext()),
             normalizeDim(batch * part * points * height * width), "the mask's elements");
    Value mask = n.reshape(n.convert(n.in(4), real), {batch, part, points, height, width, one});
    sum = n.make<MulOp>(sum, mask);
  }
  // [batch, height, width, (part, channel), kernel position], as linear layers want.
  Value columns = n.reshape(n.transpose(sum, {0, 3, 4, 1, 5, 2}),
                            {batch, height, width, dims[1], points});
  Value weights = n.convert(n.in(1), real);
  SmallVector<Value> results;
  for (int64_t g = 0; g < groups && !n.failed(); ++g) {
    Value rows = n.reshape(n.sliceDim(columns, 3, in * g, in),
                           {batch, height, width, normalizeDim(in * points)});
    Value filters = n.reshape(n.sliceDim(weights, 0, share * g, share),
                              {share, normalizeDim(in * points)});
    results.push_back(n.make<LinearOp>(rows, filters, Value(), Value(), Activation::None,
                                       /*transpose_weight=*/true));
  }
  if (n.failed())
    return;
  Value result = results.size() == 1 ? results.front() : n.concat(results, 3);
  if (n.has(3))
    result = n.make<AddOp>(result, n.convert(n.in(3), real));
  n.set(n.convert(n.transpose(result, {0, 3, 1, 2}), n.elementType(0)));
}

ArrayRef<OpEntry> getDeformConvOps() {
  static const OpEntry ops[] = {{"DeformConv", 19, kMaxOpset, 3, 5, importDeformConv}};
  return ops;
}

} // namespace winnow::import

#include "OpTable.h"
#include "Window.h"

using namespace mlir;

namespace winnow::import {

// The dialect has no convolution: transformers use them as patch embeddings,
// which are matrix products, and as short filters along a sequence, which are
// matrix products over shifted slices.

/// [N, C, spatial...] as [N, spatial..., C].
static Value channelsLast(OpImporter &n, Value x) {
  SmallVector<int64_t> permutation = {0};
  for (size_t i = 2; i < n.dims(x).size(); ++i)
    permutation.push_back(i);
  permutation.push_back(1);
  return n.failed() ? Value() : n.transpose(x, permutation);
}

static Value channelsFirst(OpImporter &n, Value x) {
  SmallVector<int64_t> permutation = {0, static_cast<int64_t>(n.dims(x).size()) - 1};
  for (size_t i = 1; i + 1 < n.dims(x).size(); ++i)
    permutation.push_back(i);
  return n.failed() ? Value() : n.transpose(x, permutation);
}

/// The input as rows [N, output..., K], and the weights [M, C, kernel...] as
/// [M, K] in the same order of K.
struct Columns {
  Value rows, weights;
};

/// Patches that do not overlap: reshapes and one transpose, K = (C, kernel).
static Columns getPatches(OpImporter &n, Value x, Value weights, const Window &w) {
  Dims dims = n.dims(x), apart(ArrayRef(dims).take_front(2)), rows;
  SmallVector<int64_t> permutation = {0};
  AffineExpr inner = dims[1];
  rows.push_back(dims[0]);
  for (size_t i = 0; i < w.rank(); ++i) {
    // Elements that fill no patch are dropped.
    AffineExpr count = normalizeDim(dims[i + 2].floorDiv(w.kernel[i]));
    x = n.sliceDim(x, i + 2, n.constant(0), normalizeDim(count * w.kernel[i]));
    apart.append({count, n.constant(w.kernel[i])});
    rows.push_back(count);
    permutation.push_back(2 + 2 * i);
    inner = inner * w.kernel[i];
  }
  permutation.push_back(1);
  for (size_t i = 0; i < w.rank(); ++i)
    permutation.push_back(3 + 2 * i);
  rows.push_back(inner);
  Value patches = n.reshape(n.transpose(n.reshape(x, apart), permutation), rows);
  return {patches, n.reshape(weights, {n.dims(weights)[0], inner})};
}

/// Windows that overlap: the shifted inputs side by side, K = (kernel, C).
static Columns getShifts(OpImporter &n, Value x, Value weights, const Window &w) {
  SmallVector<Value> taps = getTaps(n, pad(n, x, w, 0), w);
  for (Value &tap : taps)
    tap = channelsLast(n, tap);
  if (n.failed())
    return {};
  Value rows = taps.size() == 1 ? taps.front() : n.concat(taps, n.dims(taps.front()).size() - 1);
  Dims dims = n.dims(weights);
  Value last = channelsLast(n, weights);
  return {rows, n.reshape(last, {dims[0], getNumElements(ArrayRef(dims).drop_front(),
                                                         n.b.getContext())})};
}

/// One filter per channel: products with the shifted inputs, added up.
static Value getDepthwise(OpImporter &n, Value x, Value weights, const Window &w) {
  Dims dims = n.dims(weights);
  SmallVector<Value> taps = getTaps(n, pad(n, x, w, 0), w);
  if (n.failed())
    return nullptr;
  Dims flat{dims[0], n.constant(taps.size())}, perChannel(w.rank() + 2, n.constant(1));
  perChannel[1] = dims[0];
  Value filters = n.reshape(weights, flat), sum;
  for (auto [i, tap] : llvm::enumerate(taps)) {
    Value filter = n.reshape(n.sliceDim(filters, 1, n.constant(i), n.constant(1)), perChannel);
    Value product = n.make<MulOp>(tap, filter);
    sum = sum ? n.make<AddOp>(sum, product) : product;
  }
  return sum;
}

static Value convolve(OpImporter &n, Value x, Value weights, Value bias, const Window &w) {
  if (n.failed())
    return nullptr;
  Columns columns = w.isPartition() ? getPatches(n, x, weights, w) : getShifts(n, x, weights, w);
  return channelsFirst(n, n.make<LinearOp>(columns.rows, columns.weights, bias, Value(),
                                           Activation::None, /*transpose_weight=*/true));
}

static void importConv(OpImporter &n) {
  Dims weightDims = n.dims(1);
  SmallVector<int64_t> kernel;
  for (AffineExpr dim : ArrayRef(weightDims).drop_front(std::min<size_t>(2, weightDims.size())))
    kernel.push_back(getConstantDim(dim).value_or(0));
  if (n.rank(1) != n.rank(0) || n.rank(0) < 3)
    return n.invalid("expected input and weights of one rank of 3 or more, got ranks " +
                     Twine(n.rank(0)) + " and " + Twine(n.rank(1)));
  if (llvm::is_contained(kernel, 0))
    return n.unsupported("an empty or dynamic kernel");
  Window w = getWindow(n, kernel);
  int64_t groups = n.intAttr("group", 1);
  std::optional<int64_t> channels = getConstantDim(n.dims(0)[1]);
  std::optional<int64_t> outputs = getConstantDim(weightDims[0]);
  if (n.failed())
    return;
  if (!channels || !outputs)
    return n.unsupported("dynamic channels");
  if (groups < 1 || *channels % groups != 0 || *outputs % groups != 0)
    return n.invalid("expected group to divide the channels, got " + Twine(groups) + " and " +
                     Twine(*channels) + " to " + Twine(*outputs));
  n.unify(weightDims[1], n.constant(*channels / groups), "the channels of input and weights");
  Value x = n.in(0), weights = n.in(1), bias = n.in(2);
  if (groups == 1)
    return n.set(convolve(n, x, weights, bias, w));
  Value result;
  Type element = n.elementType(0);
  if (groups == *channels && groups == *outputs) {
    // Sums of many products are kept in f32, as the matrix products do.
    if (element.isF16() || element.isBF16()) {
      x = n.convert(x, n.b.getF32Type());
      weights = n.convert(weights, n.b.getF32Type());
      bias = bias ? n.convert(bias, n.b.getF32Type()) : bias;
    }
    result = getDepthwise(n, x, weights, w);
  } else {
    if (groups > 64)
      return n.unsupported("more than 64 groups");
    SmallVector<Value> parts;
    AffineExpr in = n.constant(*channels / groups), out = n.constant(*outputs / groups);
    for (int64_t i = 0; i < groups; ++i)
      parts.push_back(convolve(n, n.sliceDim(x, 1, in * i, in),
                               n.sliceDim(weights, 0, out * i, out), Value(), w));
    result = n.concat(parts, 1);
  }
  if (bias) {
    Dims perChannel(n.rank(0), n.constant(1));
    perChannel[1] = n.constant(*outputs);
    result = n.make<AddOp>(result, n.reshape(bias, perChannel));
  }
  n.set(n.convert(result, element));
}

ArrayRef<OpEntry> getConvolutionOps() {
  static const OpEntry ops[] = {{"Conv", 1, kMaxOpset, 2, 3, importConv}};
  return ops;
}

} // namespace winnow::import

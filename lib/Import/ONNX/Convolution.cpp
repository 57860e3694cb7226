#include "Convolution.h"
#include "Numbers.h"
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

/// Windows of sizes that are dynamic or large: element k of window i is gathered
/// from position i * stride + k * dilation. K = (C, kernel).
static Columns getGathered(OpImporter &n, Value x, Value weights, const Window &w) {
  size_t rank = w.rank();
  x = pad(n, x, w, 0);
  Dims weightDims = n.dims(weights);
  Type i64 = n.b.getI64Type();
  Numbers m(n);
  for (size_t i = rank; i-- > 0 && !n.failed();) {
    AffineExpr size = weightDims[i + 2], padded = n.dims(x)[i + 2];
    AffineExpr count;
    if (w.isDynamic()) {
      // That the window fits, only the run knows.
      AffineExpr room = n.bindSize(m.size(normalizeDim(padded - (size - 1) * w.dilations[i] - 1)),
                                   "room." + Twine(i), padded);
      count = normalizeDim(room.floorDiv(w.strides[i]) + 1);
    } else {
      count = countWindows(n, padded, w, i);
      if (n.failed())
        break;
    }
    auto positions = [&](AffineExpr length, int64_t step, bool isColumn) {
      Value all = m.mul(n.iota(length, i64), m.constant(step));
      return n.reshape(all, isColumn ? Dims{length, n.constant(1)} : Dims{length});
    };
    Value index = m.add(positions(count, w.strides[i], true),
                        positions(size, w.dilations[i], false));
    x = n.make<GatherOp>(x, index, i + 2);
  }
  if (n.failed())
    return {};
  // [N, C, count, size, ...]
  Dims dims = n.dims(x), rows = {dims[0]};
  SmallVector<int64_t> permutation = {0};
  for (size_t i = 0; i < rank; ++i) {
    permutation.push_back(2 + 2 * i);
    rows.push_back(dims[2 + 2 * i]);
  }
  permutation.push_back(1);
  for (size_t i = 0; i < rank; ++i)
    permutation.push_back(3 + 2 * i);
  AffineExpr inner = getNumElements(ArrayRef(weightDims).drop_front(), n.b.getContext());
  rows.push_back(inner);
  return {n.reshape(n.transpose(x, permutation), rows),
          n.reshape(weights, {weightDims[0], inner})};
}

/// So many shifted inputs would take long to compile.
static bool isLarge(const Window &w) {
  int64_t room = 64;
  for (int64_t size : w.kernel)
    room /= std::max<int64_t>(size, 1);
  return room == 0 && llvm::all_of(w.starts, [](AffineExpr start) { return !start || isConstantDim(start, 0); });
}

static Columns getColumns(OpImporter &n, Value x, Value weights, const Window &w) {
  if (w.isPartition() && !w.isDynamic())
    return getPatches(n, x, weights, w);
  return w.isDynamic() || isLarge(w) ? getGathered(n, x, weights, w) : getShifts(n, x, weights, w);
}

/// All channels by all others.
static Value convolveDense(OpImporter &n, Value x, Value weights, Value bias, const Window &w) {
  if (n.failed())
    return nullptr;
  Columns columns = getColumns(n, x, weights, w);
  if (n.failed())
    return nullptr;
  Value product;
  if (isa<FloatType>(getElementTypeOrSelf(x))) {
    product = n.make<LinearOp>(columns.rows, columns.weights, bias, Value(), Activation::None,
                               /*transpose_weight=*/true);
  } else {
    product = n.make<MatMulOp>(columns.rows, n.transpose(columns.weights, {1, 0}));
    if (bias)
      product = n.make<AddOp>(product, bias);
  }
  return channelsFirst(n, product);
}

/// Groups of `in` channels by `out` others. A few are convolutions of their own,
/// whose columns fit in caches; many are one more dimension of a batch of
/// matrix products.
static Value convolveGroups(OpImporter &n, Value x, Value weights, const Window &w, int64_t count,
                            AffineExpr in, AffineExpr out) {
  if (count <= 16) {
    SmallVector<Value> parts;
    for (int64_t i = 0; i < count; ++i)
      parts.push_back(convolveDense(n, n.sliceDim(x, 1, in * i, in),
                                    n.sliceDim(weights, 0, out * i, out), Value(), w));
    return n.failed() ? Value() : n.concat(parts, 1);
  }
  Dims dims = n.dims(x), apart = dims;
  AffineExpr batch = dims[0], groups = n.constant(count);
  apart[0] = normalizeDim(batch * groups);
  apart[1] = in;
  Columns columns = getColumns(n, n.reshape(x, apart), weights, w);
  if (n.failed())
    return nullptr;
  // [N groups, output..., K] by [groups out, K]
  Dims rows = n.dims(columns.rows);
  AffineExpr inner = rows.back();
  ArrayRef<AffineExpr> spatial = ArrayRef(rows).drop_front().drop_back();
  AffineExpr positions = getNumElements(spatial, n.b.getContext());
  Value product = n.make<MatMulOp>(
      n.reshape(columns.rows, {batch, groups, positions, inner}),
      n.transpose(n.reshape(columns.weights, {groups, out, inner}), {0, 2, 1}));
  Dims result = {batch, normalizeDim(groups * out)};
  result.append(spatial.begin(), spatial.end());
  return n.reshape(n.transpose(product, {0, 1, 3, 2}), result);
}

/// Every channel `times` times in a row.
static Value repeatChannels(OpImporter &n, Value x, AffineExpr times) {
  Dims dims = n.dims(x), apart = dims, repeated = dims;
  apart.insert(apart.begin() + 2, n.constant(1));
  repeated.insert(repeated.begin() + 2, times);
  dims[1] = normalizeDim(dims[1] * times);
  return n.reshape(n.broadcastTo(n.reshape(x, apart), repeated), dims);
}

bool checkRanks(OpImporter &n, size_t inputRank, size_t weightRank) {
  if (inputRank == weightRank && inputRank >= 3)
    return true;
  n.invalid("expected input and weights of one rank of 3 or more, got ranks " + Twine(inputRank) +
            " and " + Twine(weightRank));
  return false;
}

Value convolve(OpImporter &n, Value x, Value weights, Value bias) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x), weightDims = n.dims(weights);
  size_t rank = dims.size();
  if (!checkRanks(n, rank, weightDims.size()))
    return nullptr;
  if (bias && n.dims(bias).size() != 1) {
    n.invalid("expected a bias of rank 1, got rank " + Twine(n.dims(bias).size()));
    return nullptr;
  }
  SmallVector<int64_t> kernel =
      getKernel(n, ArrayRef(weightDims).drop_front(2), /*canBeDynamic=*/true);
  Window w = getWindow(n, kernel);
  int64_t groups = n.intAttr("group", 1);
  if (groups < 1)
    n.invalid("expected a group of 1 or more, got " + Twine(groups));
  AffineExpr outputs = weightDims[0];
  AffineExpr in = n.divide(dims[1], n.constant(groups), "the channels of the input");
  AffineExpr out = n.divide(outputs, n.constant(groups), "the channels of the output");
  n.unify(weightDims[1], in, "the channels of input and weights");
  if (bias && !n.failed())
    n.unify(n.dims(bias)[0], outputs, "the channels of output and bias");
  if (n.failed())
    return nullptr;
  if (groups == 1)
    return convolveDense(n, x, weights, bias, w);
  Value result;
  Type element = getElementTypeOrSelf(x);
  if (isConstantDim(in, 1) && !w.isDynamic()) {
    // Sums of many products are kept in f32, as the matrix products do.
    bias = n.widen(bias);
    x = n.widen(isConstantDim(out, 1) ? x : repeatChannels(n, x, out));
    result = getDepthwise(n, x, n.widen(weights), w);
  } else {
    result = convolveGroups(n, x, weights, w, groups, in, out);
  }
  if (bias) {
    Dims perChannel(rank, n.constant(1));
    perChannel[1] = outputs;
    result = n.make<AddOp>(result, n.reshape(bias, perChannel));
  }
  return n.convert(result, element);
}

static void importConv(OpImporter &n) { n.set(convolve(n, n.in(0), n.in(1), n.in(2))); }

ArrayRef<OpEntry> getConvolutionOps() {
  static const OpEntry ops[] = {{"Conv", 1, kMaxOpset, 2, 3, importConv}};
  return ops;
}

} // namespace winnow::import

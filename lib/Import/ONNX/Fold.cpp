#include "Convolution.h"
#include "DataShapes.h"
#include "OpTable.h"
#include "Window.h"

using namespace mlir;

namespace winnow::import {

// Col2Im adds up windows where they overlap, and a transposed convolution is a
// matrix product followed by that. One dimension goes after the other, so that
// a window of k x k costs 2 k sums of shifted tensors and not k^2.

namespace {
/// One spatial dimension.
struct Fold {
  int64_t kernel, stride, dilation, before;
  /// The result's size.
  AffineExpr size;
};
} // namespace

static Value zeros(OpImporter &n, Value like, int64_t axis, AffineExpr count) {
  Dims dims = n.dims(like);
  dims[axis] = count;
  return n.broadcastTo(n.scalarLike(like, 0), dims);
}

/// `x` in a tensor of zeros of `size`, from position `start` on; what lies
/// outside is cut off.
static Value place(OpImporter &n, Value x, int64_t axis, int64_t start, AffineExpr size) {
  if (n.failed())
    return nullptr;
  AffineExpr length = n.dims(x)[axis];
  if (start < 0) {
    std::optional<int64_t> known = getConstantDim(length);
    if (known && *known <= -start)
      return zeros(n, x, axis, size);
    AffineExpr rest = normalizeDim(length + start);
    if (!n.symbols.requireNonNegative(rest, "node " + n.name + " (" + n.node.op_type() +
                                                ") cuts its padding off")) {
      n.unsupported("its padding may exceed the dimension of " + n.text(length),
                    "bound the dimensions with --dim NAME=MIN..MAX");
      return nullptr;
    }
    x = n.sliceDim(x, axis, n.constant(-start), rest);
    length = rest;
    start = 0;
  }
  std::optional<int64_t> missing = getConstantDim(normalizeDim(size - length - start));
  if (!missing) {
    n.unsupported("windows that do not come out even in a dynamic dimension of " + n.text(size),
                  "fix the dimension with --dim NAME=SIZE");
    return nullptr;
  }
  if (std::optional<int64_t> known = getConstantDim(size); known && *known <= start)
    return zeros(n, x, axis, size);
  if (*missing < 0)
    x = n.sliceDim(x, axis, n.constant(0), normalizeDim(size - start));
  SmallVector<Value> parts;
  if (start > 0 && !n.failed())
    parts.push_back(zeros(n, x, axis, n.constant(start)));
  parts.push_back(x);
  if (*missing > 0 && !n.failed())
    parts.push_back(zeros(n, x, axis, n.constant(*missing)));
  return parts.size() == 1 ? x : n.concat(parts, axis);
}

/// Element i goes to position i * stride.
static Value spread(OpImporter &n, Value x, int64_t axis, int64_t stride) {
  if (n.failed() || stride == 1)
    return x;
  Dims dims = n.dims(x), apart = dims, together = dims;
  apart.insert(apart.begin() + axis + 1, n.constant(1));
  together[axis] = normalizeDim(dims[axis] * stride);
  x = n.reshape(x, apart);
  Value gap = n.failed() ? Value() : zeros(n, x, axis + 1, n.constant(stride - 1));
  return n.reshape(n.concat({x, gap}, axis + 1), together);
}

/// Adds up the windows of one dimension: the dimension `kernelAxis` vanishes,
/// and `axis`, which counted windows, counts elements.
static Value foldDim(OpImporter &n, Value x, int64_t kernelAxis, int64_t axis, const Fold &f) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x);
  if (f.stride == f.kernel && f.dilation == 1) {
    // Windows that only touch lie one after the other.
    SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
    permutation.erase(permutation.begin() + kernelAxis);
    permutation.insert(permutation.begin() + axis, kernelAxis);
    Dims together = dims;
    together[axis] = normalizeDim(dims[axis] * f.kernel);
    together.erase(together.begin() + kernelAxis);
    return place(n, n.reshape(n.transpose(x, permutation), together), axis - 1, -f.before, f.size);
  }
  Dims one = dims;
  one.erase(one.begin() + kernelAxis);
  Value sum;
  for (int64_t tap = 0; tap < f.kernel && !n.failed(); ++tap) {
    Value part = n.reshape(n.sliceDim(x, kernelAxis, n.constant(tap), n.constant(1)), one);
    part = place(n, spread(n, part, axis - 1, f.stride), axis - 1, tap * f.dilation - f.before,
                 f.size);
    sum = sum ? n.make<AddOp>(sum, part) : part;
  }
  return sum;
}

/// [N, C, kernel..., windows...] to [N, C, sizes...].
static Value fold(OpImporter &n, Value columns, ArrayRef<Fold> folds) {
  for (size_t i = folds.size(); i-- > 0;)
    columns = foldDim(n, columns, 2 + i, 3 + 2 * i, folds[i]);
  return columns;
}

static bool checkFolds(OpImporter &n, ArrayRef<Fold> folds) {
  // A dimension's taps become ops.
  for (const Fold &f : folds)
    if (f.kernel > 256 && (f.stride != f.kernel || f.dilation != 1))
      n.unsupported("an overlapping window of " + Twine(f.kernel) + " elements");
  return !n.failed();
}

static SmallVector<int64_t> getInts(OpImporter &n, StringRef name, size_t size, int64_t otherwise,
                                    int64_t least) {
  SmallVector<int64_t> values = n.intsAttr(name).value_or(SmallVector<int64_t>(size, otherwise));
  if (values.size() != size)
    n.invalid("expected " + Twine(size) + " " + name + ", got " + Twine(values.size()));
  for (int64_t value : values)
    if (value < least || value > INT32_MAX)
      n.invalid("expected " + name + " in [" + Twine(least) + ", " + Twine(INT32_MAX) + "], got " +
                Twine(value));
  return values;
}

/// Col2Im with image and block sizes that data gives: in each dimension every
/// element is added at its position, and what lies outside at one that is cut
/// off.
static void importDataCol2Im(OpImporter &n) {
  Numbers m(n);
  Type i64 = n.b.getI64Type();
  std::optional<int64_t> number;
  if (n.declaredRank)
    number = *n.declaredRank - 2;
  SmallVector<AffineExpr> image = n.sizes(1, "image", number);
  SmallVector<AffineExpr> block = n.sizes(2, "block", image.size());
  size_t rank = image.size();
  if (n.failed())
    return;
  if (n.rank(0) != 3 || rank == 0 || block.size() != rank)
    return n.invalid("expected an input of rank 3 and as many image as block sizes, got rank " +
                     Twine(n.rank(0)) + ", " + Twine(rank) + " and " + Twine(block.size()));
  SmallVector<int64_t> strides = getInts(n, "strides", rank, 1, 1);
  SmallVector<int64_t> dilations = getInts(n, "dilations", rank, 1, 1);
  SmallVector<int64_t> pads = getInts(n, "pads", 2 * rank, 0, 0);
  if (n.failed())
    return;
  Value zero = m.constant(0), one = m.constant(1), blockSize = one;
  SmallVector<AffineExpr> counts;
  for (size_t i = 0; i < rank; ++i) {
    blockSize = m.mul(blockSize, m.size(block[i]));
    Value reach = m.mul(m.sub(m.size(block[i]), one), m.constant(dilations[i]));
    Value room = m.sub(m.add(m.size(image[i]), m.constant(pads[i] + pads[rank + i])), m.add(reach, one));
    m.require(n.compare(ComparePredicate::GE, room, zero));
    Value count = m.add(m.div(room, m.constant(strides[i])), one);
    counts.push_back(n.bindSize(count, "windows." + Twine(i), nullptr));
  }
  Dims dims = n.dims(0), apart = {dims[0]};
  m.require(m.less(zero, blockSize));
  Value channels = m.div(m.size(dims[1]), m.max(blockSize, one));
  AffineExpr depth = n.bindSize(channels, "channels", dims[1]);
  apart.push_back(depth);
  apart.append(block.begin(), block.end());
  apart.append(counts.begin(), counts.end());
  Value x = reshapeChecked(n, n.in(0), apart);
  for (size_t i = 0; i < rank && !n.failed(); ++i) {
    // Tap and window side by side, in the place of the window's dimension.
    Dims from = n.dims(x);
    int64_t tap = 2, window = 2 + (rank - i) + i;
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, from.size()));
    order.erase(order.begin() + tap);
    order.insert(order.begin() + window - 1, tap);
    x = n.transpose(x, order);
    Dims joined = n.dims(x);
    joined[window - 1] = normalizeDim(block[i] * counts[i]);
    joined.erase(joined.begin() + window);
    x = n.reshape(x, joined);
    Value taps = n.reshape(m.mul(n.iota(block[i], i64), m.constant(dilations[i])), {block[i], n.constant(1)});
    Value windows = n.reshape(m.mul(n.iota(counts[i], i64), m.constant(strides[i])), {n.constant(1), counts[i]});
    Value position = m.sub(m.add(taps, windows), m.constant(pads[i]));
    Value isInside = n.make<AndOp>(m.less(m.constant(-1), position), m.less(position, m.size(image[i])));
    position = m.select(isInside, position, m.size(image[i]));
    Dims along(joined.size(), n.constant(1)), room = joined;
    along[window - 1] = joined[window - 1];
    room[window - 1] = image[i] + 1;
    x = n.make<ScatterElementsOp>(n.broadcastTo(n.scalarLike(x, 0), room),
                                  n.broadcastTo(n.reshape(position, along), joined), x, window - 1,
                                  ScatterReduction::Add);
    x = n.sliceDim(x, window - 1, n.constant(0), image[i]);
  }
  n.set(x);
}

static void importCol2Im(OpImporter &n) {
  const KnownTensor *image = n.known(1);
  if (!image || !n.known(2) || !n.known(2)->getConstants())
    return importDataCol2Im(n);
  SmallVector<int64_t> block = n.constants(2, "block sizes");
  size_t rank = image->elements.size();
  if (n.failed())
    return;
  if (n.rank(0) != 3 || rank == 0 || block.size() != rank)
    return n.invalid("expected an input of rank 3 and as many image as block sizes, got rank " +
                     Twine(n.rank(0)) + ", " + Twine(rank) + " and " + Twine(block.size()));
  SmallVector<int64_t> strides = getInts(n, "strides", rank, 1, 1);
  SmallVector<int64_t> dilations = getInts(n, "dilations", rank, 1, 1);
  SmallVector<int64_t> pads = getInts(n, "pads", 2 * rank, 0, 0);
  if (n.failed())
    return;
  Dims dims = n.dims(0), apart = {dims[0], nullptr}, counts;
  AffineExpr blockSize = n.constant(1);
  SmallVector<Fold> folds;
  for (size_t i = 0; i < rank; ++i) {
    if (block[i] < 1 || block[i] > INT32_MAX)
      return n.invalid("expected block sizes of 1 or more, got " + Twine(block[i]));
    AffineExpr size = image->elements[i];
    AffineExpr room = normalizeDim(size + pads[i] + pads[rank + i] - (block[i] - 1) * dilations[i] - 1);
    if (!n.symbols.requireNonNegative(room, "node " + n.name + " (Col2Im) has windows"))
      return n.invalid("expected an image that the block fits in, got " + n.text(size));
    counts.push_back(normalizeDim(room.floorDiv(strides[i]) + 1));
    apart.push_back(n.constant(block[i]));
    blockSize = blockSize * block[i];
    folds.push_back({block[i], strides[i], dilations[i], pads[i], size});
  }
  apart[1] = divideDim(dims[1], blockSize);
  if (!apart[1])
    return n.invalid("expected dimension 1 to be a multiple of the block's " + n.text(blockSize) +
                     " elements, got " + n.text(dims[1]));
  if (!checkFolds(n, folds) ||
      !n.unify(dims[2], getNumElements(counts, n.b.getContext()), "the number of windows"))
    return;
  apart.append(counts);
  n.set(fold(n, n.reshape(n.in(0), apart), folds));
}

/// The result's size in one dimension, and the padding that is cut off.
static Fold getTransposedFold(OpImporter &n, const Window &w, size_t i, int64_t outputPadding) {
  Fold f{w.kernel[i], w.strides[i], w.dilations[i], w.before[i], nullptr};
  AffineExpr whole = (n.dims(0)[i + 2] - 1) * f.stride + outputPadding + (f.kernel - 1) * f.dilation + 1;
  std::string autoPad = n.stringAttr("auto_pad", "NOTSET");
  std::optional<SmallVector<int64_t>> shape = n.intsAttr("output_shape");
  if (!shape && !StringRef(autoPad).starts_with("SAME")) {
    f.size = normalizeDim(whole - w.before[i] - w.after[i]);
    return f;
  }
  // The size is given, and the padding follows from it. Older models list all
  // dimensions.
  size_t skipped = shape && shape->size() == w.rank() + 2 ? 2 : 0;
  if (shape && shape->size() != w.rank() + skipped) {
    n.invalid("expected " + Twine(w.rank()) + " output sizes, got " + Twine(shape->size()));
    return f;
  }
  f.size = shape ? n.constant((*shape)[i + skipped]) : normalizeDim(n.dims(0)[i + 2] * f.stride);
  std::optional<int64_t> total = getConstantDim(normalizeDim(whole - f.size));
  if (!total) {
    n.unsupported("an output_shape of a dynamic dimension", "fix it with --dim NAME=SIZE");
    return f;
  }
  total = std::max<int64_t>(*total, 0);
  f.before = autoPad == "SAME_UPPER" ? *total / 2 : *total - *total / 2;
  return f;
}

/// The sums of [N, windows..., M, kernel...].
static Value foldColumns(OpImporter &n, Value columns, ArrayRef<Fold> folds) {
  if (n.failed())
    return nullptr;
  int64_t rank = folds.size();
  SmallVector<int64_t> permutation = {0, rank + 1};
  for (int64_t i = 0; i < rank; ++i)
    permutation.push_back(rank + 2 + i);
  for (int64_t i = 0; i < rank; ++i)
    permutation.push_back(1 + i);
  return fold(n, n.transpose(columns, permutation), folds);
}

/// [N, C, windows...] by [C, M, kernel...], then the sums.
static Value convolveTransposed(OpImporter &n, Value x, Value weights, ArrayRef<Fold> folds) {
  if (n.failed())
    return nullptr;
  int64_t rank = folds.size();
  Dims in = n.dims(x), kernel = n.dims(weights);
  SmallVector<int64_t> channelsLast = {0};
  Dims columns = {in[0]};
  for (int64_t i = 0; i < rank; ++i) {
    channelsLast.push_back(i + 2);
    columns.push_back(in[i + 2]);
  }
  channelsLast.push_back(1);
  columns.append(kernel.begin() + 1, kernel.end());
  AffineExpr outputs = getNumElements(ArrayRef(kernel).drop_front(), n.b.getContext());
  Value product = n.make<LinearOp>(n.transpose(x, channelsLast),
                                   n.reshape(weights, {kernel[0], outputs}), Value(), Value(),
                                   Activation::None, /*transpose_weight=*/false);
  return foldColumns(n, n.reshape(product, columns), folds);
}

/// Groups of `share` channels, which are one more dimension of a batch of
/// matrix products.
static Value convolveTransposedGroups(OpImporter &n, Value x, Value weights, ArrayRef<Fold> folds,
                                      int64_t count, AffineExpr share) {
  Dims in = n.dims(x), kernel = n.dims(weights);
  AffineExpr batch = in[0], groups = n.constant(count);
  ArrayRef<AffineExpr> spatial = ArrayRef(in).drop_front(2), filter = ArrayRef(kernel).drop_front();
  AffineExpr positions = getNumElements(spatial, n.b.getContext());
  AffineExpr outputs = getNumElements(filter, n.b.getContext());
  Value product = n.make<MatMulOp>(
      n.transpose(n.reshape(x, {batch, groups, share, positions}), {0, 1, 3, 2}),
      n.reshape(weights, {groups, share, outputs}));
  Dims columns = {normalizeDim(batch * groups)};
  columns.append(spatial.begin(), spatial.end());
  columns.append(filter.begin(), filter.end());
  Value sums = foldColumns(n, n.reshape(product, columns), folds);
  if (n.failed())
    return nullptr;
  Dims result = n.dims(sums);
  result[0] = batch;
  result[1] = normalizeDim(groups * kernel[1]);
  return n.reshape(sums, result);
}

static void importConvTranspose(OpImporter &n) {
  if (!checkRanks(n, n.rank(0), n.rank(1)))
    return;
  Dims dims = n.dims(0), weightDims = n.dims(1);
  SmallVector<int64_t> kernel = getKernel(n, ArrayRef(weightDims).drop_front(2), /*canBeDynamic=*/false);
  Window w = getWindow(n, kernel);
  SmallVector<int64_t> outputPadding = getInts(n, "output_padding", kernel.size(), 0, 0);
  int64_t groups = n.intAttr("group", 1);
  if (n.failed())
    return;
  if (groups < 1)
    return n.invalid("expected a group of 1 or more, got " + Twine(groups));
  n.unify(dims[1], weightDims[0], "the channels of input and weights");
  AffineExpr share = n.divide(weightDims[0], n.constant(groups), "the channels");
  SmallVector<Fold> folds;
  for (size_t i = 0; i < kernel.size() && !n.failed(); ++i)
    folds.push_back(getTransposedFold(n, w, i, outputPadding[i]));
  if (!checkFolds(n, folds))
    return;
  // Sums of many products are kept in f32, as the matrix products do.
  Type element = n.elementType(0);
  Type wide = element.isF16() || element.isBF16() ? n.b.getF32Type() : element;
  Value x = n.convert(n.in(0), wide), weights = n.convert(n.in(1), wide);
  Value result = groups == 1 ? convolveTransposed(n, x, weights, folds)
                             : convolveTransposedGroups(n, x, weights, folds, groups, share);
  if (n.failed())
    return;
  if (n.has(2)) {
    Dims perChannel(n.rank(0), n.constant(1));
    perChannel[1] = normalizeDim(weightDims[1] * groups);
    if (n.rank(2) != 1)
      return n.invalid("expected a bias of rank 1, got rank " + Twine(n.rank(2)));
    n.unify(n.dims(2)[0], perChannel[1], "the channels of output and bias");
    result = n.make<AddOp>(result, n.reshape(n.convert(n.in(2), wide), perChannel));
  }
  n.set(n.convert(result, element));
}

ArrayRef<OpEntry> getFoldOps() {
  static const OpEntry ops[] = {
      {"Col2Im", 18, kMaxOpset, 3, 3, importCol2Im},
      {"ConvTranspose", 1, kMaxOpset, 2, 3, importConvTranspose},
  };
  return ops;
}

} // namespace winnow::import

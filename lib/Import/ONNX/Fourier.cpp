#include "FourierTransform.h"
#include "Numbers.h"
#include "OpTable.h"

#include <numeric>

using namespace mlir;

namespace winnow::import {

/// The one element of an input that is a size; null if it is left out.
static AffineExpr getSize(OpImporter &n, size_t i, StringRef what) {
  if (!n.has(i))
    return nullptr;
  SmallVector<AffineExpr> sizes = n.sizes(i, what);
  if (!n.failed() && sizes.size() != 1)
    n.invalid("expected one " + what + ", got " + Twine(sizes.size()));
  return n.failed() ? AffineExpr() : sizes[0];
}

/// The numbers with one part or two, where there may be either with two.
static Value getNumbers(OpImporter &n, Value x) {
  if (n.failed())
    return nullptr;
  int64_t last = n.dims(x).size() - 1;
  AffineExpr parts = n.dims(x)[last];
  std::string why = "node " + n.name + " (" + n.node.op_type() + ") reads real or complex numbers";
  if (!n.symbols.requireNonNegative(parts - 1, why) ||
      !n.symbols.requireNonNegative(-parts + 2, why)) {
    n.invalid("expected a last dimension of 1 (real) or 2 (complex), got " + n.text(parts));
    return nullptr;
  }
  return getConstantDim(parts) ? x : fit(n, x, last, n.constant(2));
}

/// The length of a transform that no input gives.
static AffineExpr getOwnLength(const Fourier &f, AffineExpr size) {
  return f.isToReal() ? normalizeDim((size - 1) * 2) : size;
}

static void transformAxis(OpImporter &n, Fourier f, Value x, int64_t axis) {
  int64_t rank = n.rank(0);
  axis = n.normalizeAxis(axis, rank);
  if (!n.failed() && axis == rank - 1)
    n.invalid("expected an axis that is not the last, which holds the parts of the numbers");
  if (n.failed())
    return;
  if (!f.length)
    f.length = getOwnLength(f, n.dims(x)[axis]);
  n.set(swapAxes(n, transformRows(n, swapAxes(n, x, axis, rank - 2), f), axis, rank - 2));
}

/// The axis is data: what lies before it and after it is one dimension each.
static void transformDataAxis(OpImporter &n, Fourier f, Value x) {
  Numbers m(n);
  int64_t last = n.rank(0) - 1;
  SmallVector<Value> isAxis = findAxes(n, m.vector(2), last + 1);
  if (n.failed())
    return;
  m.require(n.make<NotOp>(isAxis[last]));
  Dims dims = n.dims(x);
  Value one = m.constant(1), before = one, size = one, after = one, isAfter = isAxis[last];
  for (int64_t d = 0; d < last; ++d) {
    Value dim = m.size(dims[d]), passed = n.make<OrOp>(isAfter, isAxis[d]);
    before = m.mul(before, m.select(passed, one, dim));
    size = m.mul(size, m.select(isAxis[d], dim, one));
    after = m.mul(after, m.select(isAfter, dim, one));
    isAfter = passed;
  }
  AffineExpr most = normalizeDim(getNumElements(ArrayRef(dims).drop_back(), n.b.getContext()));
  Dims flat = {n.bindSize(before, "before", most), n.bindSize(size, "size", most),
               n.bindSize(after, "after", most), dims[last]};
  if (n.failed())
    return;
  AffineExpr length = f.length;
  if (!length)
    f.length = getOwnLength(f, flat[1]);
  x = swapAxes(n, reshapeChecked(n, x, flat), 1, 2);
  x = swapAxes(n, transformRows(n, x, f), 1, 2);
  if (n.failed())
    return;
  Dims result;
  Value outSize = m.size(n.dims(x)[1]);
  for (int64_t d = 0; d < last; ++d) {
    AffineExpr bound = length ? dims[d] + length : dims[d] * 2;
    result.push_back(n.bindSize(m.select(isAxis[d], outSize, m.size(dims[d])), "size." + Twine(d),
                                normalizeDim(bound)));
  }
  result.push_back(n.dims(x)[3]);
  n.set(reshapeChecked(n, x, result));
}

static void importDFT(OpImporter &n) {
  Fourier f{getSize(n, 1, "dft_length"), n.intAttr("inverse", 0) != 0,
            n.intAttr("onesided", 0) != 0};
  int64_t otherwise = n.opset < 20 ? n.intAttr("axis", 1) : -2;
  if (!n.failed() && n.rank(0) < 2)
    n.invalid("expected a signal of rank 2 or more, got rank " + Twine(n.rank(0)));
  Value x = getNumbers(n, n.in(0));
  if (n.failed())
    return;
  if (!n.has(2))
    return transformAxis(n, f, x, otherwise);
  const KnownTensor *known = n.known(2);
  std::optional<SmallVector<int64_t>> axes = known ? known->getConstants() : std::nullopt;
  if (!axes)
    return transformDataAxis(n, f, x);
  if (axes->size() != 1)
    return n.invalid("expected one axis, got " + Twine(axes->size()));
  transformAxis(n, f, x, (*axes)[0]);
}

/// The frames [batch, frames, length, parts] of a signal [batch, time, parts].
/// Both length and step are multiples of a block, so that blocks are gathered.
static Value getFrames(OpImporter &n, Value signal, AffineExpr length, AffineExpr step) {
  Numbers m(n);
  Dims dims = n.dims(signal);
  AffineExpr room = normalizeDim(dims[1] - length), frames;
  std::optional<int64_t> size = getConstantDim(length), stride = getConstantDim(step);
  int64_t block = 1;
  if (n.symbols.requireNonNegative(room, "node " + n.name + " (STFT) has frames of " +
                                             n.text(length) + " elements")) {
    frames = normalizeDim(room.floorDiv(step) + 1);
    block = size && stride ? std::gcd(*size, *stride) : 1;
  } else if (getConstantDim(room)) {
    n.invalid("expected a signal of at least " + n.text(length) + " elements, got " +
              n.text(dims[1]));
  } else {
    // Only the run shows whether there is a frame at all.
    Value free = m.size(room);
    m.require(n.compare(ComparePredicate::GE, free, m.constant(0)));
    frames = n.bindSize(m.add(m.div(free, m.size(step)), m.constant(1)), "frames", dims[1]);
  }
  if (n.failed())
    return nullptr;
  AffineExpr blocksPerFrame = normalizeDim(length.floorDiv(block));
  AffineExpr blocksPerStep = normalizeDim(step.floorDiv(block));
  if (block > 1) {
    // Elements that fill no block are in no frame.
    AffineExpr blocks = normalizeDim((frames - 1) * blocksPerStep + blocksPerFrame);
    signal = n.sliceDim(signal, 1, n.constant(0), normalizeDim(blocks * block));
    signal = n.reshape(signal, {dims[0], blocks, n.constant(block), dims[2]});
  }
  Type i64 = n.b.getI64Type();
  Value first =
      m.mul(n.reshape(n.iota(frames, i64), {frames, n.constant(1)}), m.size(blocksPerStep));
  Value indices = m.add(first, n.iota(blocksPerFrame, i64));
  return n.reshape(n.make<GatherOp>(signal, indices, 1), {dims[0], frames, length, dims[2]});
}

static void importSTFT(OpImporter &n) {
  if (n.rank(0) != 2 && n.rank(0) != 3)
    return n.invalid("expected a signal of rank 2 or 3, got rank " + Twine(n.rank(0)));
  AffineExpr step = getSize(n, 1, "frame_step"), length = getSize(n, 3, "frame_length");
  Value signal = n.in(0), window = n.in(2);
  bool isOnesided = n.intAttr("onesided", 1) != 0;
  if (n.failed())
    return;
  if (!n.symbols.requireNonNegative(step - 1, "node " + n.name +
                                                  " (STFT) goes from frame to frame in such steps"))
    return n.invalid("expected a frame_step of 1 or more, got " + n.text(step));
  if (window && n.rank(2) != 1)
    return n.invalid("expected a window of rank 1, got rank " + Twine(n.rank(2)));
  Dims dims = n.dims(0);
  if (dims.size() == 2)
    dims.push_back(n.constant(1));
  if (!length)
    length = window ? n.dims(2)[0] : dims[1];
  signal = getNumbers(n, n.reshape(signal, dims));
  Value frames = n.failed() ? Value() : getFrames(n, signal, length, step);
  if (window)
    frames = n.make<MulOp>(frames, n.reshape(fit(n, window, 0, length), {length, n.constant(1)}));
  n.set(transformRows(n, frames, {length, /*isInverse=*/false, isOnesided}));
}

ArrayRef<OpEntry> getFourierOps() {
  static const OpEntry ops[] = {
      {"DFT", 17, 19, 1, 2, importDFT},
      {"DFT", 20, kMaxOpset, 1, 3, importDFT},
      {"STFT", 17, kMaxOpset, 2, 4, importSTFT},
  };
  return ops;
}

} // namespace winnow::import

#include "FourierTransform.h"
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

static int64_t getTransformAxis(OpImporter &n) {
  int64_t axis = n.opset < 20 ? n.intAttr("axis", 1) : -2, rank = n.rank(0);
  if (n.has(2)) {
    SmallVector<int64_t> axes = n.constants(2, "axis");
    if (!n.failed() && axes.size() != 1)
      n.invalid("expected one axis, got " + Twine(axes.size()));
    axis = n.failed() ? 0 : axes[0];
  }
  axis = n.normalizeAxis(axis, rank);
  if (!n.failed() && axis == rank - 1)
    n.invalid("expected an axis that is not the last, which holds the parts of the numbers");
  return axis;
}

/// The signal's numbers have one part or two.
static bool checkParts(OpImporter &n, AffineExpr parts) {
  if (!getConstantDim(parts))
    n.unsupported("a dynamic last dimension, which holds the parts of the numbers",
                  "fix it with --dim NAME=SIZE");
  else if (!isConstantDim(parts, 1) && !isConstantDim(parts, 2))
    n.invalid("expected a last dimension of 1 (real) or 2 (complex), got " + n.text(parts));
  return !n.failed();
}

static void importDFT(OpImporter &n) {
  Fourier f{getSize(n, 1, "dft_length"), n.intAttr("inverse", 0) != 0,
            n.intAttr("onesided", 0) != 0};
  int64_t axis = getTransformAxis(n), rows = n.rank(0) - 2;
  Value x = n.in(0);
  if (n.failed() || !checkParts(n, n.dims(0).back()))
    return;
  if (!f.length)
    f.length = f.isToReal() ? normalizeDim((n.dims(0)[axis] - 1) * 2) : n.dims(0)[axis];
  n.set(swapAxes(n, transformRows(n, swapAxes(n, x, axis, rows), f), axis, rows));
}

/// The frames [batch, frames, length, parts] of a signal [batch, time, parts].
/// Both length and step are multiples of a block, so that blocks are gathered.
static Value getFrames(OpImporter &n, Value signal, AffineExpr length, AffineExpr step) {
  Dims dims = n.dims(signal);
  AffineExpr room = normalizeDim(dims[1] - length);
  if (!n.symbols.requireNonNegative(room, "node " + n.name + " (STFT) has frames of " +
                                              n.text(length) + " elements")) {
    std::string sizes = n.text(length) + " elements, got " + n.text(dims[1]);
    if (getConstantDim(room))
      n.invalid("expected a signal of at least " + sizes);
    else
      n.unsupported("a signal that may be shorter than a frame: expected " + sizes,
                    "bound the dimensions with --dim NAME=MIN..MAX");
    return nullptr;
  }
  std::optional<int64_t> size = getConstantDim(length), stride = getConstantDim(step);
  int64_t block = size && stride ? std::gcd(*size, *stride) : 1;
  AffineExpr frames = normalizeDim(room.floorDiv(step) + 1);
  AffineExpr blocksPerFrame = normalizeDim(length.floorDiv(block));
  AffineExpr blocksPerStep = normalizeDim(step.floorDiv(block));
  AffineExpr blocks = normalizeDim((frames - 1) * blocksPerStep + blocksPerFrame);
  Value used = n.sliceDim(signal, 1, n.constant(0), normalizeDim(blocks * block));
  used = n.reshape(used, {dims[0], blocks, n.constant(block), dims[2]});
  Type i64 = n.b.getI64Type();
  Value first = n.make<MulOp>(n.reshape(n.iota(frames, i64), {frames, n.constant(1)}),
                              n.makeKnown(KnownTensor{i64, {}, {blocksPerStep}}));
  Value indices = n.make<AddOp>(first, n.iota(blocksPerFrame, i64));
  return n.reshape(n.make<GatherOp>(used, indices, 1), {dims[0], frames, length, dims[2]});
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
  if (!checkParts(n, dims.back()))
    return;
  if (!length)
    length = window ? n.dims(2)[0] : dims[1];
  Value frames = getFrames(n, n.reshape(signal, dims), length, step);
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

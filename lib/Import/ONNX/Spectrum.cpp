#include "OpTable.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

// Everything here is computed in double precision: it depends on sizes and
// parameters only, so that constant folding does it or it costs a row.

/// The result in the type that the node asks for.
static void setAs(OpImporter &n, Value value) {
  int64_t dataType = n.intAttr("output_datatype", onnx::TensorProto::FLOAT);
  n.set(n.convert(value, n.failed() ? Type() : n.getDataType(dataType)));
}

/// a0 - a1 cos(t) + a2 cos(2 t) with t from 0 to 2 pi: as 46ths of Hamming's
/// numbers are not decimal, all are given in units of `Unit`.
template <int64_t a0, int64_t a1, int64_t a2, int64_t Unit>
static void importCosineWindow(OpImporter &n) {
  bool periodic = n.intAttr("periodic", 1);
  AffineExpr size = n.count(0, "size");
  if (n.failed())
    return;
  Type f64 = n.b.getF64Type(), i64 = n.b.getI64Type();
  AffineExpr period = normalizeDim(periodic ? size : size - 1);
  Value steps = n.convert(n.makeKnown(KnownTensor{i64, {}, {period}}), f64);
  Value increment = n.make<DivOp>(n.scalar(f64, 2 * M_PI), steps);
  Value angle = n.make<MulOp>(n.iota(size, f64), increment);
  auto term = [&](int64_t factor, Value t) {
    return n.make<MulOp>(n.make<CosOp>(t), n.scalar(f64, double(factor) / Unit));
  };
  Value window = n.make<SubOp>(n.scalar(f64, double(a0) / Unit), term(a1, angle));
  if (a2 != 0)
    window = n.make<AddOp>(window, term(a2, n.make<AddOp>(angle, angle)));
  setAs(n, window);
}

/// 2595 log10(1 + f / 700)
static Value toMel(OpImporter &n, Value frequency) {
  Value ratio = n.make<DivOp>(frequency, n.scalarLike(frequency, 700));
  Value log = n.make<LogOp>(n.make<AddOp>(ratio, n.scalarLike(ratio, 1)));
  return n.make<MulOp>(log, n.scalarLike(log, 2595 / std::log(10.0)));
}

static Value fromMel(OpImporter &n, Value mel) {
  Value exp = n.make<ExpOp>(n.make<MulOp>(mel, n.scalarLike(mel, std::log(10.0) / 2595)));
  return n.make<MulOp>(n.make<SubOp>(exp, n.scalarLike(exp, 1)), n.scalarLike(exp, 700));
}

/// Triangles of height 1: the columns' corners are bins that lie equally far
/// apart on the mel scale.
static void importMelWeightMatrix(OpImporter &n) {
  AffineExpr numMels = n.count(0, "num_mel_bins"), length = n.count(1, "dft_length");
  Type f64 = n.b.getF64Type(), i64 = n.b.getI64Type();
  auto number = [&](size_t input) { return n.convert(n.reshape(n.in(input), {}), f64); };
  if (n.failed())
    return;
  for (size_t i : {2, 3, 4})
    if (!isConstantDim(getNumElements(n.dims(i), n.b.getContext()), 1))
      return n.invalid("expected input " + Twine(i) + " of one element, got shape " +
                       n.text(n.dims(i)));
  Value low = toMel(n, number(3)), high = toMel(n, number(4));
  AffineExpr numCorners = normalizeDim(numMels + 2);
  Value count = n.convert(n.makeKnown(KnownTensor{i64, {}, {numCorners}}), f64);
  Value step = n.make<DivOp>(n.make<SubOp>(high, low), count);
  Value mels = n.make<AddOp>(n.make<MulOp>(n.iota(numCorners, f64), step), low);
  Value perHertz = n.make<DivOp>(
      n.convert(n.makeKnown(KnownTensor{i64, {}, {normalizeDim(length + 1)}}), f64), number(2));
  Value corners = n.make<FloorOp>(n.make<MulOp>(fromMel(n, mels), perHertz));
  Value left = n.sliceDim(corners, 0, n.constant(0), numMels);
  Value center = n.sliceDim(corners, 0, n.constant(1), numMels);
  Value right = n.sliceDim(corners, 0, n.constant(2), numMels);

  AffineExpr numBins = normalizeDim(length.floorDiv(2) + 1);
  Value bins = n.reshape(n.iota(numBins, f64), {numBins, n.constant(1)});
  using P = ComparePredicate;
  Value rise = n.make<DivOp>(n.make<SubOp>(bins, left), n.make<SubOp>(center, left));
  Value fall = n.make<DivOp>(n.make<SubOp>(right, bins), n.make<SubOp>(right, center));
  Value zero = n.scalar(f64, 0);
  rise = n.make<SelectOp>(n.compare(P::GE, bins, left), rise, zero);
  fall = n.make<SelectOp>(n.compare(P::LT, bins, right), fall, zero);
  Value sides = n.make<SelectOp>(n.compare(P::LT, bins, center), rise, fall);
  // A triangle may be as narrow as its peak.
  Value isPeak = n.compare(P::EQ, bins, center);
  setAs(n, n.make<SelectOp>(isPeak, n.scalar(f64, 1), sides));
}

ArrayRef<OpEntry> getSpectrumOps() {
  static const OpEntry ops[] = {
      {"BlackmanWindow", 17, kMaxOpset, 1, 1, importCosineWindow<42, 50, 8, 100>},
      {"HammingWindow", 17, kMaxOpset, 1, 1, importCosineWindow<25, 21, 0, 46>},
      {"HannWindow", 17, kMaxOpset, 1, 1, importCosineWindow<1, 1, 0, 2>},
      {"MelWeightMatrix", 17, kMaxOpset, 5, 5, importMelWeightMatrix},
  };
  return ops;
}

} // namespace winnow::import

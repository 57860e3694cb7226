//===- Basis.cpp - The bases of classic KAN layers ------------------------===//
//
// A vector holds neighbouring channels, and all bases of it are in registers. `table` is
// [parameter, channel], or [parameter, 1] for all channels alike; `out` is
// [row, basis * channels + channel], or [row, channel] with the sums of the bases
// times coefficients, which are the table's last parameters.
//
//===----------------------------------------------------------------------===//

#include "Basis.h"
#include "winnow/Codegen/CPU/Kernels/Math.h"

using namespace mlir;

namespace winnow::cpu {

FailureOr<Basis> Basis::parse(const KernelContext &context, StringRef kind, Value x, Value table,
                              bool coefficients) {
  Basis result;
  result.x = x;
  result.table = table;
  result.lanes = context.lanes();
  if (failed(context.memref(x, "x", 2, context.f32())) ||
      failed(context.memref(table, "table", 2, context.f32())))
    return failure();
  auto type = cast<MemRefType>(table.getType());
  if (!type.hasStaticShape())
    return context.error() << "expected a static table, got " << type;
  if (type.getDimSize(1) != 1 && failed(context.sameExtent(table, 1, "table", x, 1, "x")))
    return failure();
  auto bases = context.integer("bases");
  if (failed(bases))
    return failure();
  result.bases = *bases;
  int64_t rows = *bases;
  if (kind == "gaussian_basis") {
    auto factor = context.real("factor");
    if (failed(factor))
      return failure();
    result.factor = *factor;
  } else if (kind == "bspline") {
    auto degree = context.integer("degree");
    if (failed(degree))
      return failure();
    result.degree = *degree;
    result.zeroNaN = context.flag("zero_nan");
    int64_t knots = *bases + *degree + 1;
    rows = knots;
    for (int64_t k = 1; k <= *degree; ++k)
      rows += knots - k;
  } else {
    return context.error() << "unknown basis '" << kind << "'";
  }
  rows += coefficients ? *bases : 0;
  if (type.getDimSize(0) != rows)
    return context.error() << "expected a table of " << rows << " rows, got " << type.getDimSize(0);
  return result;
}

Value Basis::parameter(Emitter &e, int64_t row, Value at, Value mask) const {
  if (cast<MemRefType>(table.getType()).getDimSize(1) == 1)
    return e.splat(e.loadScalar(table, {e.index(row), e.index(0)}), lanes);
  return e.load(table, {e.index(row), at}, lanes, mask);
}

void Basis::emitRow(Emitter &e, Value row, Value first, Value count, Use use) const {
  e.forEachVector(count, lanes, [&](Value offset, Value mask) {
    Value at = e.add(first, offset), value = e.load(x, {row, at}, lanes, mask);
    use(at, factor ? emitGaussians(e, value, at, mask) : emitSplines(e, value, at, mask), mask);
  });
}

/// The recursion of Cox and de Boor for all bases at once. With the quotient
/// w_j = (x - t_j) / (t_{j+k} - t_j), what the next basis contributes has the
/// factor 1 - w_{j+1}. The table has the knots first, then the reciprocals of
/// their differences for each degree.
SmallVector<Value> Basis::emitSplines(Emitter &e, Value value, Value at,
                                      Value mask) const {
  Type type = value.getType();
  int64_t knots = bases + degree + 1;
  Value one = e.real(1.0, type), zero = e.real(0.0, type);
  SmallVector<Value> beyond, distance, splines;
  for (int64_t j = 0; j < knots; ++j) {
    Value knot = parameter(e, j, at, mask);
    Value isBeyond = arith::CmpFOp::create(e, arith::CmpFPredicate::OGE, value, knot);
    beyond.push_back(e.blend(isBeyond, one, zero));
    distance.push_back(e.subF(value, knot));
  }
  for (int64_t j = 0; j + 1 < knots; ++j)
    splines.push_back(e.subF(beyond[j], beyond[j + 1]));
  int64_t row = knots;
  for (int64_t k = 1; k <= degree; ++k) {
    SmallVector<Value> parts, next;
    for (int64_t j = 0; j + k < knots; ++j) {
      Value w = e.mulF(distance[j], parameter(e, row++, at, mask));
      parts.push_back(e.mulF(w, splines[j]));
    }
    for (int64_t j = 0; j + k + 1 < knots; ++j)
      next.push_back(e.addF(parts[j], e.subF(splines[j + 1], parts[j + 1])));
    splines = next;
  }
  if (zeroNaN)
    for (Value &spline : splines)
      spline = e.blend(
          arith::CmpFOp::create(e, arith::CmpFPredicate::ORD, spline, spline),
          spline, zero);
  return splines;
}

SmallVector<Value> Basis::emitGaussians(Emitter &e, Value value, Value at, Value mask) const {
  // e^-(f d)^2 = 2^-(sqrt(log2 e) f d)^2.
  double scale = 1.2011224087864498 * *factor;
  SmallVector<Value> result;
  for (int64_t k = 0; k < bases; ++k) {
    Value distance = e.subF(value, parameter(e, k, at, mask));
    distance = e.mulF(distance, e.real(scale, value.getType()));
    Value negative = e.subF(e.real(-0.0, value.getType()), distance);
    result.push_back(emitExp2NonPositive(e, e.getLoc(), e.mulF(distance, negative)));
  }
  return result;
}

LogicalResult buildBasis(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(3);
  if (failed(arguments))
    return failure();
  Value x = (*arguments)[0], out = (*arguments)[2];
  bool isSum = context.flag("coefficients");
  FailureOr<Basis> basis = Basis::parse(context, context.kind(), x, (*arguments)[1], isSum);
  if (failed(basis) || failed(context.memref(out, "out", 2, context.f32())) ||
      failed(context.sameExtent(x, 0, "x", out, 0, "out")))
    return failure();
  Value channels = e.dim(x, 1);
  e.parallel(e.dim(x, 0), rowGrain(out), [&](Value row) {
    basis->emitRow(e, row, e.index(0), channels, [&](Value at, ArrayRef<Value> bases, Value mask) {
      Value sum;
      for (auto [k, value] : llvm::enumerate(bases)) {
        if (!isSum) {
          e.store(value, out, {row, e.add(e.mul(channels, k), at)}, mask);
          continue;
        }
        Value coefficient = basis->parameter(e, basis->firstCoefficient() + k, at, mask);
        sum = sum ? e.fma(value, coefficient, sum) : e.mulF(value, coefficient);
      }
      if (sum)
        e.store(sum, out, {row, at}, mask);
    });
  });
  return success();
}

} // namespace winnow::cpu

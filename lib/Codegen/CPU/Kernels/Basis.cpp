//===- Basis.cpp - The bases of classic KAN layers ------------------------===//
//
// A vector holds neighbouring channels, and all bases of it are in registers. `table` is
// [parameter, channel], or [parameter, 1] for all channels alike; `out` is
// [row, basis * channels + channel], or [row, channel] with the sums of the bases
// times coefficients, which are the table's last parameters.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "winnow/Codegen/CPU/Kernels/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct Basis {
  Value x, table, out;
  int64_t lanes, bases = 0, degree = 0;
  bool isSum = false, zeroNaN = false;

  static FailureOr<Basis> parse(const KernelContext &context);
  LogicalResult checkTable(const KernelContext &context,
                           int64_t parameters) const;
  int64_t tableRows() const {
    return cast<MemRefType>(table.getType()).getDimSize(0);
  }
  Value parameter(Emitter &e, int64_t row, Value at, Value mask) const;
  void emit(Emitter &e,
            function_ref<SmallVector<Value>(Value, Value, Value)> emitBases) const;
  SmallVector<Value> emitSplines(Emitter &e, Value value, Value at,
                                 Value mask) const;
};

FailureOr<Basis> Basis::parse(const KernelContext &context) {
  auto arguments = context.arguments(3);
  if (failed(arguments))
    return failure();
  Basis result{(*arguments)[0], (*arguments)[1], (*arguments)[2],
               context.lanes()};
  if (failed(context.memref(result.x, "x", 2, context.f32())) ||
      failed(context.memref(result.table, "table", 2, context.f32())) ||
      failed(context.memref(result.out, "out", 2, context.f32())) ||
      failed(context.sameExtent(result.x, 0, "x", result.out, 0, "out")))
    return failure();
  auto type = cast<MemRefType>(result.table.getType());
  if (!type.hasStaticShape())
    return context.error() << "expected a static table, got " << type;
  if (type.getDimSize(1) != 1 &&
      failed(context.sameExtent(result.table, 1, "table", result.x, 1, "x")))
    return failure();
  auto bases = context.integer("bases");
  if (failed(bases))
    return failure();
  result.bases = *bases;
  result.isSum = context.flag("coefficients");
  return result;
}

/// Checks that the table holds so many parameters before the coefficients.
LogicalResult Basis::checkTable(const KernelContext &context,
                                int64_t parameters) const {
  int64_t rows = parameters + (isSum ? bases : 0);
  if (tableRows() == rows)
    return success();
  return context.error() << "expected a table of " << rows << " rows, got "
                         << tableRows();
}

Value Basis::parameter(Emitter &e, int64_t row, Value at, Value mask) const {
  if (cast<MemRefType>(table.getType()).getDimSize(1) == 1)
    return e.splat(e.loadScalar(table, {e.index(row), e.index(0)}), lanes);
  return e.load(table, {e.index(row), at}, lanes, mask);
}

void Basis::emit(
    Emitter &e,
    function_ref<SmallVector<Value>(Value, Value, Value)> emitBases) const {
  Value channels = e.dim(x, 1);
  int64_t first = tableRows() - bases;
  e.parallel(e.dim(x, 0), rowGrain(out), [&](Value row) {
    e.forEachVector(channels, lanes, [&](Value at, Value mask) {
      Value value = e.load(x, {row, at}, lanes, mask), sum;
      for (auto [k, basis] : llvm::enumerate(emitBases(value, at, mask))) {
        if (!isSum) {
          e.store(basis, out, {row, e.add(e.mul(channels, k), at)}, mask);
          continue;
        }
        Value coefficient = parameter(e, first + k, at, mask);
        sum = sum ? e.fma(basis, coefficient, sum) : e.mulF(basis, coefficient);
      }
      if (sum)
        e.store(sum, out, {row, at}, mask);
    });
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

} // namespace

LogicalResult buildBSpline(Emitter &e, const KernelContext &context) {
  FailureOr<Basis> basis = Basis::parse(context);
  auto degree = context.integer("degree");
  if (failed(basis) || failed(degree))
    return failure();
  basis->degree = *degree;
  basis->zeroNaN = context.flag("zero_nan");
  int64_t knots = basis->bases + *degree + 1, rows = knots;
  for (int64_t k = 1; k <= *degree; ++k)
    rows += knots - k;
  if (failed(basis->checkTable(context, rows)))
    return failure();
  basis->emit(e, [&](Value value, Value at, Value mask) {
    return basis->emitSplines(e, value, at, mask);
  });
  return success();
}

LogicalResult buildGaussianBasis(Emitter &e, const KernelContext &context) {
  FailureOr<Basis> basis = Basis::parse(context);
  auto factor = context.real("factor");
  if (failed(basis) || failed(factor) ||
      failed(basis->checkTable(context, basis->bases)))
    return failure();
  // e^-(f d)^2 = 2^-(sqrt(log2 e) f d)^2.
  double scale = 1.2011224087864498 * *factor;
  basis->emit(e, [&](Value value, Value at, Value mask) {
    SmallVector<Value> result;
    for (int64_t k = 0; k < basis->bases; ++k) {
      Value distance = e.subF(value, basis->parameter(e, k, at, mask));
      distance = e.mulF(distance, e.real(scale, value.getType()));
      Value negative = e.subF(e.real(-0.0, value.getType()), distance);
      result.push_back(emitExp2NonPositive(e, e.getLoc(), e.mulF(distance, negative)));
    }
    return result;
  });
  return success();
}

} // namespace winnow::cpu

//===- Basis.cpp - The bases of classic KAN layers ------------------------===//
//
// A vector holds neighbouring channels, and all bases of it are in registers. `table` is
// [parameter, channel], or [parameter, 1] for all channels alike; `out` is
// [row, basis * channels + channel].
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "winnow/Codegen/CPU/Kernels/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct Basis {
  Value x, table, out;
  int64_t lanes, degree = 0;
  bool zeroNaN = false;

  static FailureOr<Basis> parse(const KernelContext &context);
  int64_t tableRows() const {
    return cast<MemRefType>(table.getType()).getDimSize(0);
  }
  Value parameter(Emitter &e, int64_t row, Value at, Value mask) const;
  void emit(Emitter &e,
            function_ref<SmallVector<Value>(Value, Value, Value)> bases) const;
  SmallVector<Value> emitSplines(Emitter &e, int64_t knots, Value value,
                                 Value at, Value mask) const;
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
  return result;
}

Value Basis::parameter(Emitter &e, int64_t row, Value at, Value mask) const {
  if (cast<MemRefType>(table.getType()).getDimSize(1) == 1)
    return e.splat(e.loadScalar(table, {e.index(row), e.index(0)}), lanes);
  return e.load(table, {e.index(row), at}, lanes, mask);
}

void Basis::emit(
    Emitter &e,
    function_ref<SmallVector<Value>(Value, Value, Value)> bases) const {
  Value channels = e.dim(x, 1);
  e.parallel(e.dim(x, 0), rowGrain(out), [&](Value row) {
    e.forEachVector(channels, lanes, [&](Value at, Value mask) {
      Value value = e.load(x, {row, at}, lanes, mask);
      for (auto [k, basis] : llvm::enumerate(bases(value, at, mask)))
        e.store(basis, out, {row, e.add(e.mul(channels, k), at)}, mask);
    });
  });
}

/// The recursion of Cox and de Boor for all bases at once. With the quotient
/// w_j = (x - t_j) / (t_{j+k} - t_j), what the next basis contributes has the
/// factor 1 - w_{j+1}. The table has the knots first, then the reciprocals of
/// their differences for each degree.
SmallVector<Value> Basis::emitSplines(Emitter &e, int64_t knots, Value value,
                                      Value at, Value mask) const {
  Type type = value.getType();
  Value one = e.real(1.0, type), zero = e.real(0.0, type);
  SmallVector<Value> beyond, distance, bases;
  for (int64_t j = 0; j < knots; ++j) {
    Value knot = parameter(e, j, at, mask);
    Value isBeyond = arith::CmpFOp::create(e, arith::CmpFPredicate::OGE, value, knot);
    beyond.push_back(e.blend(isBeyond, one, zero));
    distance.push_back(e.subF(value, knot));
  }
  for (int64_t j = 0; j + 1 < knots; ++j)
    bases.push_back(e.subF(beyond[j], beyond[j + 1]));
  int64_t row = knots;
  for (int64_t k = 1; k <= degree; ++k) {
    SmallVector<Value> parts, next;
    for (int64_t j = 0; j + k < knots; ++j) {
      Value w = e.mulF(distance[j], parameter(e, row++, at, mask));
      parts.push_back(e.mulF(w, bases[j]));
    }
    for (int64_t j = 0; j + k + 1 < knots; ++j)
      next.push_back(e.addF(parts[j], e.subF(bases[j + 1], parts[j + 1])));
    bases = next;
  }
  if (zeroNaN)
    for (Value &basis : bases)
      basis = e.blend(
          arith::CmpFOp::create(e, arith::CmpFPredicate::ORD, basis, basis),
          basis, zero);
  return bases;
}

} // namespace

LogicalResult buildBSpline(Emitter &e, const KernelContext &context) {
  FailureOr<Basis> basis = Basis::parse(context);
  auto degree = context.integer("degree"), knots = context.integer("knots", 3);
  if (failed(basis) || failed(degree) || failed(knots))
    return failure();
  int64_t rows = *knots;
  for (int64_t k = 1; k <= *degree; ++k)
    rows += *knots - k;
  if (*knots < *degree + 2 || basis->tableRows() != rows)
    return context.error() << "expected a table of " << rows
                           << " rows for the knots, got "
                           << basis->tableRows();
  basis->degree = *degree;
  basis->zeroNaN = context.flag("zero_nan");
  basis->emit(e, [&](Value value, Value at, Value mask) {
    return basis->emitSplines(e, *knots, value, at, mask);
  });
  return success();
}

LogicalResult buildGaussianBasis(Emitter &e, const KernelContext &context) {
  FailureOr<Basis> basis = Basis::parse(context);
  auto factor = context.real("factor");
  if (failed(basis) || failed(factor))
    return failure();
  // e^-(f d)^2 = 2^-(sqrt(log2 e) f d)^2.
  double scale = 1.2011224087864498 * *factor;
  basis->emit(e, [&](Value value, Value at, Value mask) {
    SmallVector<Value> result;
    for (int64_t k = 0; k < basis->tableRows(); ++k) {
      Value distance = e.subF(value, basis->parameter(e, k, at, mask));
      distance = e.mulF(distance, e.real(scale, value.getType()));
      Value exponent = e.mulF(distance, e.subF(e.real(-0.0, value.getType()), distance));
      result.push_back(emitExp2NonPositive(e, e.getLoc(), exponent));
    }
    return result;
  });
  return success();
}

} // namespace winnow::cpu

//===- Epilogue.cpp - What happens to accumulators before their store -----===//

#include "Epilogue.h"

#include "winnow/Codegen/CPU/Kernels/Math.h"
#include "winnow/Dialect/Winnow/IR/Rational.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::cpu {

std::optional<Activation> lookupActivation(StringRef name) {
  return llvm::StringSwitch<std::optional<Activation>>(name)
      .Cases({"none", "group_rational"}, Activation(nullptr))
      .Case("relu", emitRelu)
      .Case("gelu", emitGelu)
      .Case("gelu_tanh", emitGeluTanh)
      .Case("tanh", emitTanh)
      .Case("sigmoid", emitSigmoid)
      .Case("silu", emitSilu)
      .Case("quick_gelu", emitQuickGelu)
      .Case("squared_relu", emitSquaredRelu)
      .Default(std::nullopt);
}

FailureOr<RationalFunctions> RationalFunctions::parse(const KernelContext &context,
                                                      Value table, Value out) {
  auto name = context.string("denominator_kind", "");
  auto degree = context.integer("numerator_degree", /*least=*/0);
  if (failed(name) || failed(degree))
    return failure();
  std::optional<DenominatorKind> kind = symbolizeDenominatorKind(*name);
  if (!kind)
    return context.error() << "unknown denominator kind '" << *name << "'";
  if (failed(context.memref(table, "coefficients", 2, context.f32())) ||
      failed(context.sameExtent(table, 1, "coefficients", out, 1, "out")))
    return failure();
  int64_t rows = cast<MemRefType>(table.getType()).getDimSize(0);
  if (rows < *degree + 2)
    return context.error() << "expected at least " << *degree + 2
                           << " rows of coefficients, got " << rows;
  return RationalFunctions{*kind, *degree, table};
}

Value RationalFunctions::apply(Emitter &e, Value x, Value col, Value mask) const {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  int64_t rows = cast<MemRefType>(table.getType()).getDimSize(0);
  SmallVector<Value> coefficients;
  for (int64_t i = 0; i < rows; ++i)
    coefficients.push_back(e.load(table, {e.index(i), col}, lanes, mask));
  ArrayRef<Value> all = coefficients;
  return emitRational(e, e.getLoc(), kind, x, all.take_front(numeratorDegree + 1),
                      all.drop_front(numeratorDegree + 1));
}

LogicalResult RowsByNumber::setNumbers(const KernelContext &context, Value value, int64_t width) {
  if (failed(context.memref(value, "rows", 1, IntegerType::get(context.config.getContext(), 64))))
    return failure();
  int64_t piece = pieceWidth();
  if (ShapedType::isDynamic(piece) || piece <= 0 || ShapedType::isDynamic(width) || width % piece)
    return context.error() << "expected rows of whole pieces, got " << buffer.getType() << " for "
                           << width << " columns";
  numbers = value;
  pieces = width / piece;
  return success();
}

Value RowsByNumber::number(Emitter &e, Value row, Value piece) const {
  if (!numbers)
    return row;
  Value at = e.add(e.mul(row, pieces), piece);
  return arith::IndexCastOp::create(e, e.getLoc(), e.getIndexType(), e.loadScalar(numbers, {at}));
}

SmallVector<Value, 2> RowsByNumber::locate(Emitter &e, Value row, Value col) const {
  if (pieces == 1)
    return {number(e, row, e.index(0)), col};
  Value width = e.index(pieceWidth());
  return {number(e, row, e.div(col, width)), e.rem(col, width)};
}

Value Epilogue::apply(Emitter &e, Value acc, Value row, Value col,
                      Value mask) const {
  int64_t lanes = cast<VectorType>(acc.getType()).getNumElements();
  if (bias)
    acc = e.addF(acc, e.load(bias, {col}, lanes, mask));
  if (activation)
    acc = activation(e, e.getLoc(), acc);
  if (rational)
    acc = rational->apply(e, acc, col, mask);
  if (gate)
    acc = e.mulF(acc, e.load(gate, {row, col}, lanes, mask));
  if (residual.buffer)
    acc = e.addF(acc, e.load(residual.buffer, residual.locate(e, row, col), lanes, mask));
  return acc;
}

bool Epilogue::isShort() const {
  return !rational && (!activation || activation == emitRelu ||
                       activation == emitSquaredRelu);
}

} // namespace winnow::cpu

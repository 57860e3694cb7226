//===- Epilogue.cpp - What happens to sums before their store -------------===//

#include "Epilogue.h"

#include "winnow/Dialect/Winnow/IR/Rational.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// 1 / (1 + e^-(factor x)).
static Value emitLogistic(Emitter &e, Value x, double factor) {
  Value power = e.exp2(e.mulF(x, e.f32(-factor * llvm::numbers::log2e)));
  return e.divF(e.f32(1), e.addF(e.f32(1), power));
}
static Value emitSigmoid(Emitter &e, Value x) { return emitLogistic(e, x, 1); }
static Value emitSilu(Emitter &e, Value x) { return e.mulF(x, emitLogistic(e, x, 1)); }
static Value emitQuickGelu(Emitter &e, Value x) { return e.mulF(x, emitLogistic(e, x, 1.702)); }
static Value emitTanh(Emitter &e, Value x) { return math::TanhOp::create(e, x); }
static Value emitRelu(Emitter &e, Value x) {
  return arith::MaximumFOp::create(e, x, e.f32(0));
}
static Value emitSquaredRelu(Emitter &e, Value x) {
  Value y = emitRelu(e, x);
  return e.mulF(y, y);
}
static Value emitHalfPlus(Emitter &e, Value x, Value y) {
  return e.mulF(e.mulF(e.f32(0.5), x), e.addF(e.f32(1), y));
}
static Value emitGelu(Emitter &e, Value x) {
  Value scaled = e.mulF(x, e.f32(llvm::numbers::sqrt2 / 2));
  return emitHalfPlus(e, x, math::ErfOp::create(e, scaled));
}
static Value emitGeluTanh(Emitter &e, Value x) {
  constexpr double factor = 0.7978845608028654; // sqrt(2 / pi)
  Value square = e.mulF(x, x);
  Value inner = e.mulF(x, e.fma(square, e.f32(0.044715 * factor), e.f32(factor)));
  return emitHalfPlus(e, x, math::TanhOp::create(e, inner));
}

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

//===----------------------------------------------------------------------===//
// Rational functions
//===----------------------------------------------------------------------===//

std::optional<RationalFunctions> RationalFunctions::get(const KernelContext &context, Value table) {
  std::optional<DenominatorKind> kind =
      symbolizeDenominatorKind(context.string("denominator_kind", ""));
  std::optional<int64_t> degree = context.integer("numerator_degree");
  auto operand = Operand::get(table, 2);
  if (!kind || !degree || *degree < 0 || !operand || !operand->type.hasStaticShape() ||
      !operand->type.getLayout().isIdentity() || operand->extent(0) < *degree + 2)
    return std::nullopt;
  return RationalFunctions{*kind, *degree, operand->extent(0), operand->extent(1)};
}

std::string RationalFunctions::describe() const {
  return "_rational_" + stringifyDenominatorKind(kind).str() + std::to_string(numeratorDegree) +
         "_" + std::to_string(coefficients) + "x" + std::to_string(columns);
}

Value RationalFunctions::apply(Emitter &e, Value table, Value x, Value column) const {
  Value first = e.at(table, e.mul(e.widen(column), 4));
  SmallVector<Value> all;
  for (int64_t i = 0; i < coefficients; ++i)
    all.push_back(e.load(e.getF32Type(), e.at(first, i * columns * 4)));
  ArrayRef<Value> list = all;
  return emitRational(e, e.getLoc(), kind, x, list.take_front(numeratorDegree + 1),
                      list.drop_front(numeratorDegree + 1));
}

//===----------------------------------------------------------------------===//
// The epilogue
//===----------------------------------------------------------------------===//

static std::string describeType(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::string EpilogueConfig::describe() const {
  std::string text = "_" + describeType(out);
  if (bias)
    text += "_bias";
  if (activation != "none")
    text += "_" + activation;
  if (residual)
    text += "_residual" + residualPieces.describe();
  if (rational)
    text += rational->describe();
  if (outPieces.areNumbered)
    text += "_to" + outPieces.describe();
  return text + (columnMultiple > 1 ? "_by" + std::to_string(columnMultiple) : "");
}

void Epilogue::applyWhole(Emitter &e, Value row, Value column, ValueRange sums) const {
  int64_t count = sums.size();
  Activation activation = *lookupActivation(config.activation);
  SmallVector<Value> bias, residual, results;
  if (config.bias)
    bias = e.loadVector(config.bias, count,
                        e.at(this->bias, e.mul(e.widen(column), bytesOf(config.bias))));
  if (config.residual)
    residual = e.loadVector(config.residual, count,
                            e.at(this->residual, e.mul(config.residualPieces.offset(
                                                           e, residualRows, residualStride, row, column),
                                                       bytesOf(config.residual))));
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value x = sum;
    if (config.bias)
      x = e.addF(x, e.toFloat(bias[i]));
    if (activation)
      x = activation(e, x);
    if (config.rational)
      x = config.rational->apply(e, table, x, e.add(column, i));
    if (config.residual)
      x = e.addF(x, e.toFloat(residual[i]));
    results.push_back(e.fromFloat(x, config.out));
  }
  Value place = config.outPieces.offset(e, outRows, outStride, row, column);
  e.storeVector(results, e.at(out, e.mul(place, bytesOf(config.out))));
}

void Epilogue::apply(Emitter &e, Value row, Value column, ValueRange sums) const {
  // Neighbours lie in a vector that is as wide as their number.
  int64_t width = std::min<int64_t>(sums.size(), config.columnMultiple);
  e.ifThen(e.less(row, rows), [&] {
    for (int64_t first = 0; first < static_cast<int64_t>(sums.size()); first += width) {
      Value at = e.add(column, first);
      e.ifThen(e.less(at, columns), [&] { applyWhole(e, row, at, sums.slice(first, width)); });
    }
  });
}

} // namespace winnow::gpu

//===- Epilogue.cpp - What happens to sums before their store -------------===//

#include "Epilogue.h"

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
      .Case("none", Activation(nullptr))
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
    text += "_residual";
  return text + (columnMultiple > 1 ? "_by" + std::to_string(columnMultiple) : "");
}

void Epilogue::applyWhole(Emitter &e, Value row, Value column, ValueRange sums) const {
  int64_t count = sums.size();
  Activation activation = *lookupActivation(config.activation);
  auto offset = [&](Value stride, Type element) {
    Value elements = e.add(e.wideMul(row, stride), e.widen(column));
    return e.mul(elements, bytesOf(element));
  };
  SmallVector<Value> bias, residual, results;
  if (config.bias)
    bias = e.loadVector(config.bias, count,
                        e.at(this->bias, e.mul(e.widen(column), bytesOf(config.bias))));
  if (config.residual)
    residual = e.loadVector(config.residual, count,
                            e.at(this->residual, offset(residualStride, config.residual)));
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value x = sum;
    if (config.bias)
      x = e.addF(x, e.toFloat(bias[i]));
    if (activation)
      x = activation(e, x);
    if (config.residual)
      x = e.addF(x, e.toFloat(residual[i]));
    results.push_back(e.fromFloat(x, config.out));
  }
  e.storeVector(results, e.at(out, offset(outStride, config.out)));
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

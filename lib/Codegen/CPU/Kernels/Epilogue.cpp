//===- Epilogue.cpp - What happens to accumulators before their store -----===//

#include "Epilogue.h"

#include "winnow/Codegen/CPU/Kernels/Math.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::cpu {

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

Value Epilogue::apply(Emitter &e, Value acc, Value row, Value col,
                      Value mask) const {
  int64_t lanes = cast<VectorType>(acc.getType()).getNumElements();
  if (bias)
    acc = e.addF(acc, e.load(bias, {col}, lanes, mask));
  if (activation)
    acc = activation(e, e.getLoc(), acc);
  if (residual)
    acc = e.addF(acc, e.load(residual, {row, col}, lanes, mask));
  return acc;
}

bool Epilogue::isShort() const {
  return !activation || activation == emitRelu ||
         activation == emitSquaredRelu;
}

} // namespace winnow::cpu

//===- Epilogue.h - What happens to accumulators before their store -------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_EPILOGUE_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_EPILOGUE_H

#include "Emitter.h"

#include <optional>

namespace winnow::cpu {

/// Emits an activation, see Math.h; null is the identity.
using Activation = Value (*)(mlir::OpBuilder &, mlir::Location, Value);

/// The activation of a name of the dialect's Activation enum.
std::optional<Activation> lookupActivation(llvm::StringRef name);

/// activation(acc + bias[col]) + residual[row, col]; absent parts are null.
struct Epilogue {
  Activation activation = nullptr;
  Value bias;
  Value residual;

  Value apply(Emitter &e, Value acc, Value row, Value col,
              Value mask = {}) const;
  /// Worth a copy for each accumulator of a tile. Others go through a loop
  /// over the tile in scratch, which keeps the code small.
  bool isShort() const;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_EPILOGUE_H

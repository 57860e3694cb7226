//===- Weights.h - The weights file's entries from the module -------------===//

#ifndef WINNOW_LIB_PIPELINE_WEIGHTS_H
#define WINNOW_LIB_PIPELINE_WEIGHTS_H

#include "winnow/Link/ModelInterface.h"

#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// The entries that the module attribute `winnow.weights` lists, in order. They
/// read the constants' own memory and keep nothing.
mlir::FailureOr<std::vector<WeightEntry>> getWeightEntries(mlir::ModuleOp module);

/// The inputs, outputs, symbols and run-time checks of the entry function.
mlir::FailureOr<ModelInterface> getModelInterface(mlir::ModuleOp module);

} // namespace winnow

#endif // WINNOW_LIB_PIPELINE_WEIGHTS_H

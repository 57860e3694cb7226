//===- ModuleFacts.h - What Link is told about the module -----------------===//

#ifndef WINNOW_LIB_PIPELINE_MODULEFACTS_H
#define WINNOW_LIB_PIPELINE_MODULEFACTS_H

#include "winnow/Link/ModelInterface.h"
#include "winnow/Support/CPULevel.h"

#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// The entries that the module attribute `winnow.weights` lists, in order. They
/// read the constants' own memory and keep nothing.
mlir::FailureOr<std::vector<WeightEntry>> getWeightEntries(mlir::ModuleOp module);

/// The inputs, outputs, symbols and run-time checks of the entries, the model's own first.
mlir::FailureOr<std::vector<ModelInterface>> getModelInterfaces(mlir::ModuleOp module);

/// Adds what is known of the code after Codegen for a level: the CPU features that
/// it needs, the scratch of its tasks and its operations, which are those of every
/// level.
void addCode(mlir::ModuleOp module, const CPULevel &level, llvm::StringRef suffix,
             ModelInterface &interface);

/// The same of code for a chip.
void addGPUCode(mlir::ModuleOp module, const ModelInterface::Code::GPU &gpu,
                llvm::StringRef suffix, ModelInterface &interface);

} // namespace winnow

#endif // WINNOW_LIB_PIPELINE_MODULEFACTS_H

//===- Observe.h - What hidden layers compute on calibration data ---------===//

#ifndef WINNOW_LIB_PIPELINE_OBSERVE_H
#define WINNOW_LIB_PIPELINE_OBSERVE_H

#include "winnow/Pipeline/Pipeline.h"

namespace winnow {

/// Runs a raised module on all data, and attaches to each hidden layer what Predictors.h says.
llvm::LogicalResult observeHiddenLayers(mlir::ModuleOp module, AccuracyJudge &judge,
                                        CompileAside compile);

} // namespace winnow

#endif // WINNOW_LIB_PIPELINE_OBSERVE_H

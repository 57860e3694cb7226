//===- Predictors.h - Which hidden units fire, and who finds out ----------===//
//
// A predictor is fitted to what a model computes on calibration data. The data travels as
// attributes of the layers: winnow-expose-activations tells what has to be seen, whoever runs
// the model attaches it, winnow-fit-predictors turns it into a predictor, and
// winnow-predict-activation uses that.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_TRANSFORMS_PREDICTORS_H
#define WINNOW_DIALECT_WINNOW_TRANSFORMS_PREDICTORS_H

#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace winnow {

/// Of a hidden layer: {sums = elements [rows, units], measured = how many of the last rows only
/// measure, rows = how many rows a run has}.
inline constexpr llvm::StringLiteral kObserved = "winnow.observed";
/// Of a hidden layer: {down = elements [inputs, rank], up = elements [rank, units], bias = elements
/// [units], density = the share of units that it expects to fire, sentence = what is known of it}.
inline constexpr llvm::StringLiteral kPredictor = "winnow.predictor";

/// The layers of an entry that can have a predictor, in their order.
llvm::SmallVector<LinearOp> getPredictableLayers(mlir::func::FuncOp entry);

/// Removes both attributes wherever they are.
void dropPredictors(mlir::ModuleOp module);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_TRANSFORMS_PREDICTORS_H

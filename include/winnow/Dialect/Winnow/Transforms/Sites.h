//===- Sites.h - Where a model's precision is decided ---------------------===//
//
// A site is a linear, a matrix product with constant weights, or an attention. Its name is
// the same in each compile of the model: calibration writes it, assignment reads it.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_TRANSFORMS_SITES_H
#define WINNOW_DIALECT_WINNOW_TRANSFORMS_SITES_H

#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <string>

namespace winnow {

/// How many bits a site's weights have. Absent or 32: floats.
inline constexpr llvm::StringLiteral kBits = "winnow.bits";

/// What calibration found out about the channels that a linear reads, two arrays of f32: their
/// greatest absolute values and their means. With them inputs are scaled before they are
/// rounded (chooseInputFactors), and the mean error of rounded weights goes to the bias.
inline constexpr llvm::StringLiteral kInputMaxima = "winnow.input_maxima";
inline constexpr llvm::StringLiteral kInputMeans = "winnow.input_means";
/// Elements of f32, the lower triangle of E[x x^T] of those channels: with them weights are rounded so
/// that the error of the output is small (InputMoments).
inline constexpr llvm::StringLiteral kInputMoments = "winnow.input_moments";
/// How much of the range goes from inputs to weights: SmoothQuant's alpha.
inline constexpr double kMigration = 0.5;

struct PrecisionSite {
  mlir::Operation *op;
  std::string name;     ///< of the node, with `#2` and so on where several share it
  llvm::StringRef kind; ///< linear, matmul or attention
  /// The operands that are activations: the input, or query, key and value.
  llvm::SmallVector<mlir::Value> activations;
  mlir::OpOperand *weight = nullptr; ///< null: attention
  /// [outputs, inputs], not [inputs, outputs].
  bool isTransposed = false;
  int64_t inputs = 0, outputs = 0; ///< of the weight

  int64_t getNumWeights() const { return inputs * outputs; }
};

/// The sites of a function's block in their order; regions are control flow and have none.
llvm::SmallVector<PrecisionSite> getPrecisionSites(mlir::func::FuncOp entry);

/// Whether moments of a site's inputs are kept: of a linear of f32, not too wide.
bool hasMoments(const PrecisionSite &site);

/// The numbers of a site's weight, row by row, or an error that names the site.
mlir::FailureOr<std::vector<float>> getWeights(const PrecisionSite &site);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_TRANSFORMS_SITES_H

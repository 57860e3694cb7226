//===- Passes.h - winnow to winnow ----------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_TRANSFORMS_PASSES_H
#define WINNOW_DIALECT_WINNOW_TRANSFORMS_PASSES_H

#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace winnow {

#define GEN_PASS_DECL
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"

/// From what the importer leaves to attention, rotary, norms, gelu and linear.
void buildRaisingPipeline(mlir::OpPassManager &pm);

/// Which techniques may be used.
struct OptimizeOptions {
  bool removePadding = true;
  bool exploitSparsity = true;
  /// A wrong pass, for tests of what finds such.
  bool dropBias = false;
};

/// A technique that changes what a model computes. It is used on request only, under the
/// accuracy contract of docs/accuracy.md.
struct Approximation {
  llvm::StringLiteral name;
  llvm::StringLiteral argument; ///< unless one is given; empty: it needs one
  llvm::StringLiteral expected; ///< what arguments there are, for people
  /// A pass that reports each site that it changed, and leaves those of the numbers in `skip` as
  /// they are; sites are counted in the order of the module. Null for an argument that is none.
  std::unique_ptr<mlir::Pass> (*create)(llvm::StringRef argument, llvm::ArrayRef<unsigned> skip);
  /// Where a technique is fitted to data, a pass that does so, once and before any other: it
  /// finds what Predictors.h says attached to the layers. Null for all others.
  std::unique_ptr<mlir::Pass> (*fit)(llvm::StringRef argument) = nullptr;
};

/// All of them, in the order in which they are used.
llvm::ArrayRef<Approximation> getApproximations();

/// Leaves out work, on raised ops.
void buildOptimizingPipeline(mlir::OpPassManager &pm, const OptimizeOptions &options);

/// Registers this folder's passes and `--winnow-raise`, the pipeline above.
void registerTransforms();

#define GEN_PASS_REGISTRATION
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_TRANSFORMS_PASSES_H

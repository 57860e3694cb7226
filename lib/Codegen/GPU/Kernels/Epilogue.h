//===- Epilogue.h - What happens to sums before their store ---------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_EPILOGUE_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_EPILOGUE_H

#include "Pieces.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

namespace winnow::gpu {

/// Emits an activation of an f32; null is the identity.
using Activation = Value (*)(Emitter &, Value);

/// The activation of a name of the dialect's Activation enum, but for `group_rational`.
std::optional<Activation> lookupActivation(llvm::StringRef name);

/// Rational functions of columns, the activation `group_rational`: coefficient i of column c
/// is element [i, c] of a table, the denominator's without their 1.
struct RationalFunctions {
  DenominatorKind kind;
  int64_t numeratorDegree, coefficients, columns;

  /// None if the declaration has none, or another table than it says.
  static std::optional<RationalFunctions> get(const KernelContext &context, Value table);
  std::string describe() const;
  Value apply(Emitter &e, Value table, Value x, Value column) const;
};

/// What is known of an epilogue when a kernel is built.
struct EpilogueConfig {
  std::string activation = "none";
  std::optional<RationalFunctions> rational;
  Pieces residualPieces, outPieces;
  Type bias, residual; ///< elements; null where there is none
  Type out;
  /// What rows of the result and the residual, and where they begin, are multiples of, in
  /// elements: 1, 2 or 4.
  int64_t columnMultiple = 1;

  /// Distinguishes kernels.
  std::string describe() const;
};

/// out[row, col] = activation(sum + bias[col]) + residual[row, col].
struct Epilogue {
  EpilogueConfig config;
  Value bias, table, residual, out;    ///< addresses
  Value residualRows, outRows;         ///< addresses of the numbers of pieces
  Value residualStride, outStride; ///< i32, of rows in elements
  Value rows, columns;             ///< i32, that there are

  /// Finishes the sums of neighbours in a row and stores those within the matrix.
  void apply(Emitter &e, Value row, Value column, ValueRange sums) const;

private:
  void applyWhole(Emitter &e, Value row, Value column, ValueRange sums) const;
};

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_EPILOGUE_H

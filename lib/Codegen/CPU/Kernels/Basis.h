//===- Basis.h - The bases of classic KAN layers --------------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_BASIS_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_BASIS_H

#include "KernelBuilder.h"

namespace winnow::cpu {

/// B-splines (kind "bspline") or Gaussians ("gaussian_basis") of each element of a matrix.
struct Basis {
  Value x, table;
  int64_t lanes, bases = 0;

  /// `coefficients` are rows of the table behind the parameters.
  static mlir::FailureOr<Basis> parse(const KernelContext &context, llvm::StringRef kind, Value x,
                                      Value table, bool coefficients);
  /// A row of the table, for the channels from `at` on.
  Value parameter(Emitter &e, int64_t row, Value at, Value mask) const;
  /// Calls `use` with each vector of `count` channels of a row from `first` on, and with what all
  /// bases are there.
  using Use = llvm::function_ref<void(Value at, llvm::ArrayRef<Value> bases, Value mask)>;
  void emitRow(Emitter &e, Value row, Value first, Value count, Use use) const;
  int64_t firstCoefficient() const {
    return llvm::cast<mlir::MemRefType>(table.getType()).getDimSize(0) - bases;
  }

private:
  int64_t degree = 0;
  bool zeroNaN = false;
  std::optional<double> factor; ///< of Gaussians

  llvm::SmallVector<Value> emitSplines(Emitter &e, Value value, Value at, Value mask) const;
  llvm::SmallVector<Value> emitGaussians(Emitter &e, Value value, Value at, Value mask) const;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_BASIS_H

//===- Cases.h - Kernels to prove, and what they should compute -----------===//
//
// A case is a declaration of a kernel, as Conversion writes it, with `test.shapes`: for
// each run the shapes of its memrefs.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_TOOLS_WINNOW_GPU_EMULATE_CASES_H
#define WINNOW_TOOLS_WINNOW_GPU_EMULATE_CASES_H

#include "winnow/Codegen/GPU/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <random>

namespace winnow::gpu {

/// A memref of a run.
struct Buffer {
  mlir::Type element;
  llvm::SmallVector<int64_t> shape, strides;
  int64_t offset = 0;
  uint8_t *data = nullptr;

  int64_t size() const;
  /// Where the element of a number, counted row by row, lies.
  int64_t place(int64_t at) const;
  int64_t extent(int64_t dim) const { return shape[dim]; }
  double get(int64_t at) const;
  void set(int64_t at, double value);
  int64_t getInteger(int64_t at) const;
  void setInteger(int64_t at, int64_t value);
};

/// What is expected of the last memref.
struct Expected {
  std::vector<double> values;
  /// How far each may be off; infinite where anything will do.
  std::vector<double> tolerances;
};

struct Run {
  mlir::DictionaryAttr config;
  Precision precision;
  llvm::SmallVector<Buffer> buffers;
  std::mt19937 random;

  llvm::StringRef kind() const;
  bool flag(llvm::StringRef name) const;
  double real(llvm::StringRef name) const;
  int64_t integer(llvm::StringRef name) const;
  llvm::StringRef string(llvm::StringRef name, llvm::StringRef fallback) const;
  double uniform(double low, double high);
  /// A factor as the precision has it.
  double round(double value) const;
};

/// Overwrites inputs that cannot be any numbers.
void fillInputs(Run &run);
/// Computes in double precision what the kind of kernel means.
mlir::FailureOr<Expected> computeReference(Run &run);

/// Generates the kernels of the module's cases, runs and checks them.
mlir::LogicalResult runCases(mlir::ModuleOp module, Precision precision);
/// Assembles them, and checks what the assembler says.
mlir::LogicalResult assembleCases(mlir::ModuleOp module, const Chip &chip);

} // namespace winnow::gpu

#endif // WINNOW_TOOLS_WINNOW_GPU_EMULATE_CASES_H

//===- BufferSizes.h - Sizes of buffers as formulas over the symbols ------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_BUFFERSIZES_H
#define WINNOW_LIB_CODEGEN_CPU_BUFFERSIZES_H

#include "winnow/Dialect/Winnow/IR/Dims.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace winnow::cpu {

/// Writes the sizes of buffers as affine expressions, so that equal sizes
/// compare equal. Sizes that data gives are stated by their capacities: a buffer
/// is as large as it may have to be. Symbol i of an expression is the entry's i-th symbol
/// argument, or, from numSymbols on, a number that was computed from the
/// symbols in a way that affine expressions cannot state (a maximum, say).
class BufferSizes {
public:
  /// `entry` takes the weights and then its symbols, as index arguments.
  explicit BufferSizes(mlir::func::FuncOp entry);

  unsigned getNumSymbols() const { return numSymbols; }

  /// Bytes of a dense buffer, not rounded. Reports an error where a size
  /// depends on more than the symbols.
  mlir::FailureOr<mlir::AffineExpr> bytesOf(mlir::memref::AllocOp alloc);

  /// The value of `size` with every symbol at a typical value.
  int64_t nominal(mlir::AffineExpr size) const;

  /// The operands of all expressions, computed at the builder's insertion
  /// point from these values of the symbols.
  llvm::SmallVector<mlir::Value>
  materializeOperands(mlir::OpBuilder &builder, mlir::ValueRange symbols) const;

private:
  mlir::FailureOr<mlir::AffineExpr> expressionOf(mlir::Value value);
  mlir::FailureOr<mlir::AffineExpr> opaque(mlir::Value value);
  mlir::LogicalResult collectSlice(mlir::Value value);
  mlir::FailureOr<mlir::AffineExpr> dimOf(mlir::Value buffer, int64_t index);
  std::optional<mlir::AffineExpr> inputDim(mlir::Value buffer, int64_t index);

  mutable mlir::func::FuncOp entry;
  unsigned numSymbols = 0;
  llvm::SmallVector<SymbolInfo> symbols;
  llvm::SmallVector<mlir::Value> opaques;
  /// What the opaque numbers are computed by, in order.
  llvm::SetVector<mlir::Operation *> slice;
  llvm::SmallVector<int64_t> nominals;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_BUFFERSIZES_H

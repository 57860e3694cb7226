//===- Dims.h - Dimensions as expressions over symbols --------------------===//
//
// Every dimension of a winnow tensor is an affine expression over the
// function's symbols (see the dialect's description). These helpers read and
// build such types; nothing else touches encodings.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_DIMS_H
#define WINNOW_DIALECT_WINNOW_IR_DIMS_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Support/LLVM.h"
#include <optional>

namespace winnow {

using DimExpr = mlir::AffineExpr;
using Dims = llvm::SmallVector<mlir::AffineExpr>;

/// A named run-time dimension with inclusive bounds. It comes from the shapes of
/// inputs, or from data: then a `winnow.bind_size` in the function gives it its
/// value.
struct SymbolInfo {
  std::string name;
  int64_t min = 0;
  int64_t max = INT64_MAX;
  bool isData = false;
  /// What a data symbol is at most, over the symbols before it; null if nothing
  /// but `max` is known.
  mlir::AffineExpr bound;
};

/// The symbols of a function, in the order of the expressions' numbers.
llvm::SmallVector<SymbolInfo> getSymbols(mlir::FunctionOpInterface func);
void setSymbols(mlir::FunctionOpInterface func, llvm::ArrayRef<SymbolInfo> symbols);

/// A data symbol of the function around `op` is in the expression.
bool dependsOnData(mlir::AffineExpr dim, llvm::ArrayRef<SymbolInfo> symbols);
bool dependsOnData(mlir::AffineExpr dim, mlir::Operation *op);

/// The expressions of a type's dimensions. A dynamic dimension without an
/// encoding has a null expression, equal to nothing.
Dims getDims(mlir::Type type);
inline Dims getDims(mlir::Value value) { return getDims(value.getType()); }

/// How many symbols the type's encoding counts, 0 without one.
unsigned getNumSymbols(mlir::Type type);
unsigned getNumSymbols(mlir::TypeRange types);

/// A tensor of these dimensions. Constants become static dimensions, and the
/// encoding is there exactly when one dimension is not constant.
/// Expressions are simplified first.
mlir::RankedTensorType getTensorType(mlir::ArrayRef<mlir::AffineExpr> dims,
                                     mlir::Type elementType,
                                     unsigned numSymbols);

/// Equal for all values of the symbols, as far as simplification can tell.
bool isSameDim(mlir::AffineExpr a, mlir::AffineExpr b, unsigned numSymbols);
bool isConstantDim(mlir::AffineExpr dim, int64_t value);
std::optional<int64_t> getConstantDim(mlir::AffineExpr dim);

/// numpy broadcasting of one dimension: equal ones, or the one that is not 1.
std::optional<mlir::AffineExpr> broadcastDim(mlir::AffineExpr a, mlir::AffineExpr b,
                                             unsigned numSymbols);
/// Broadcasts all shapes; on failure names the result dimension and both sizes
/// in `error`.
mlir::FailureOr<Dims> broadcastDims(mlir::ArrayRef<Dims> shapes, unsigned numSymbols,
                                    std::string *error = nullptr);

/// The product of all dimensions.
mlir::AffineExpr getNumElements(mlir::ArrayRef<mlir::AffineExpr> dims,
                                mlir::MLIRContext *context);

/// `[s0, s1, 384]` for diagnostics.
std::string toString(mlir::ArrayRef<mlir::AffineExpr> dims);
std::string toString(mlir::AffineExpr dim);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_DIMS_H

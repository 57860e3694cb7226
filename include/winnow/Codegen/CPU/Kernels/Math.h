//===- Math.h - Elementary functions as straight-line arithmetic ----------===//
//
// Each function takes an f32 scalar or vector and emits branch-free code for
// it. Errors below are the greatest over all finite float32 inputs whose
// result is a normal number, as measured by math-error.mlir; ulp is relative
// to the exact result. NaN gives NaN everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_KERNELS_MATH_H
#define WINNOW_CODEGEN_CPU_KERNELS_MATH_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringRef.h"

namespace winnow::cpu {

/// e^x. Results below 2^-125.5 become 0, those above the largest float become
/// infinity.
mlir::Value emitExp(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value x);

/// 2^x, with the same ends as `emitExp`.
mlir::Value emitExp2(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// 2^x for x <= 0 or NaN, as softmax needs it: three operations shorter, 0
/// below -126.5, relative error 2e-7.
mlir::Value emitExp2NonPositive(mlir::OpBuilder &builder, mlir::Location loc,
                                mlir::Value x);

/// log x. Subnormal numbers are handled, log 0 = -inf, log of a negative
/// number is NaN.
mlir::Value emitLog(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value x);

mlir::Value emitErf(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value x);
mlir::Value emitTanh(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// 1 / (1 + e^-x).
mlir::Value emitSigmoid(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x);
/// x sigmoid(x).
mlir::Value emitSilu(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);
/// x (1 + erf(x / sqrt 2)) / 2.
mlir::Value emitGelu(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
mlir::Value emitGeluTanh(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value x);
/// The greater of x and 0.
mlir::Value emitRelu(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_KERNELS_MATH_H

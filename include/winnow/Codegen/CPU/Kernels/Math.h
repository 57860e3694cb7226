//===- Math.h - Elementary functions as straight-line arithmetic ----------===//
//
// Each function takes an f32 scalar or vector and emits branch-free code for
// it; NaN gives NaN everywhere. Relative errors are the greatest that
// `math-error.py 397` found, over every 397th float32, at x86-64, x86-64-v3
// and x86-64-v4; without FMA they are the largest. The test holds them to
// bounds slightly above.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_KERNELS_MATH_H
#define WINNOW_CODEGEN_CPU_KERNELS_MATH_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringRef.h"

namespace winnow::cpu {

/// e^x, relative error 1.1e-7. Results below 2^-125.5 become 0, those above
/// the largest float become infinity.
mlir::Value emitExp(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value x);

/// 2^x, relative error 1.0e-7, with the same ends as `emitExp`.
mlir::Value emitExp2(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// 2^x for x <= 0 or NaN, as softmax needs it: two operations shorter, with
/// the lower end of `emitExp`. The polynomial's own error is 9.2e-8.
mlir::Value emitExp2NonPositive(mlir::OpBuilder &builder, mlir::Location loc,
                                mlir::Value x);

/// log x, relative error 8e-8. Subnormal numbers are handled, log 0 = -inf,
/// log of a negative number is NaN.
mlir::Value emitLog(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value x);

/// erf x, relative error 3.2e-7; exactly 1 and -1 at the ends, never beyond.
mlir::Value emitErf(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value x);
/// tanh x, relative error 3.5e-7; exactly 1 and -1 at the ends, never beyond.
mlir::Value emitTanh(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// 1 / (1 + e^-x).
mlir::Value emitSigmoid(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x);
/// x sigmoid(x).
mlir::Value emitSilu(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);
/// x sigmoid(1.702 x).
mlir::Value emitQuickGelu(mlir::OpBuilder &builder, mlir::Location loc,
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
/// The square of that.
mlir::Value emitSquaredRelu(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value x);

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_KERNELS_MATH_H

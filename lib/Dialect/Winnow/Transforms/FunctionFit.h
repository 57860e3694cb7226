//===- FunctionFit.h - Univariate functions, and rational ones near them --===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_FUNCTIONFIT_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_FUNCTIONFIT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace winnow {

/// Basis `k` of a degree at x, which lies in the interval that begins with knot `piece`.
double evaluateSpline(llvm::ArrayRef<double> knots, int64_t k, int64_t degree, int64_t piece,
                      double x);

/// A safe Pade form: degree 5 over 1 + |degree 4|, with coefficients that f32 holds.
struct RationalFit {
  llvm::SmallVector<double> numerator, denominator; ///< the latter without its 1
  double error;                                     ///< the greatest found between the ends
};

/// Fits a function between two ends by least squares: Levenberg and Marquardt's method from
/// the best polynomial. The error is measured at other points than those of the fit.
RationalFit fitRational(llvm::function_ref<double(double)> function, double low, double high);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_FUNCTIONFIT_H

//===- PolynomialRoots.h - Where a polynomial is zero ---------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_POLYNOMIALROOTS_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_POLYNOMIALROOTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <utility>

namespace winnow {

/// A closed interval, or a half-line: then one end is infinite.
using Interval = std::pair<double, double>;

/// The real roots, in order, of the polynomial with these coefficients from the constant
/// up. A root that the graph only touches is found up to rounding.
llvm::SmallVector<double> findRoots(llvm::ArrayRef<double> coefficients);

/// Where the polynomial is 0 or below, in order.
llvm::SmallVector<Interval> findNonPositive(llvm::ArrayRef<double> coefficients);

/// The union, as intervals that do not meet, in order.
llvm::SmallVector<Interval> unite(llvm::ArrayRef<Interval> intervals);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_POLYNOMIALROOTS_H

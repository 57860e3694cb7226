#include "PolynomialRoots.h"

#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace llvm;

static double evaluate(ArrayRef<double> coefficients, double x) {
  double sum = 0;
  for (double coefficient : reverse(coefficients))
    sum = sum * x + coefficient;
  return sum;
}

/// The root between two points at which the polynomial has different signs.
static double bisect(ArrayRef<double> coefficients, double low, double high) {
  bool rises = evaluate(coefficients, low) < 0;
  for (unsigned step = 0; step < 200; ++step) {
    double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high)
      break;
    ((evaluate(coefficients, middle) < 0) == rises ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

/// Between two neighbouring roots of the derivative a polynomial has at most one root.
SmallVector<double> winnow::findRoots(ArrayRef<double> coefficients) {
  while (!coefficients.empty() && coefficients.back() == 0)
    coefficients = coefficients.drop_back();
  if (coefficients.size() < 2)
    return {};
  SmallVector<double> derivative, points, roots;
  double bound = 0, size = 0;
  for (size_t i = 1; i < coefficients.size(); ++i)
    derivative.push_back(i * coefficients[i]);
  for (double coefficient : coefficients.drop_back())
    bound = std::max(bound, std::fabs(coefficient / coefficients.back()));
  // All roots are within 1 + the bound (Cauchy).
  points.push_back(-1 - bound);
  append_range(points, findRoots(derivative));
  points.push_back(1 + bound);
  for (auto [i, point] : enumerate(points)) {
    double value = evaluate(coefficients, point);
    size = 0;
    for (auto [power, coefficient] : enumerate(coefficients))
      size += std::fabs(coefficient * std::pow(point, power));
    bool touches = std::fabs(value) <= 1e-14 * size;
    if (touches && (roots.empty() || roots.back() < point))
      roots.push_back(point);
    if (touches || i + 1 == points.size())
      continue;
    double next = evaluate(coefficients, points[i + 1]);
    if ((value < 0) != (next < 0) && next != 0)
      roots.push_back(bisect(coefficients, point, points[i + 1]));
  }
  return roots;
}

SmallVector<winnow::Interval> winnow::findNonPositive(ArrayRef<double> coefficients) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  SmallVector<double> roots = findRoots(coefficients);
  SmallVector<Interval> result;
  for (double root : roots)
    result.push_back({root, root});
  double before = -infinity;
  for (size_t i = 0; i <= roots.size(); ++i) {
    double after = i < roots.size() ? roots[i] : infinity;
    double inside = std::isinf(before)  ? (std::isinf(after) ? 0 : after - 1 - std::fabs(after))
                    : std::isinf(after) ? before + 1 + std::fabs(before)
                                        : before + (after - before) / 2;
    if (evaluate(coefficients, inside) <= 0)
      result.push_back({before, after});
    before = after;
  }
  return unite(result);
}

SmallVector<winnow::Interval> winnow::unite(ArrayRef<Interval> intervals) {
  SmallVector<Interval> sorted(intervals), result;
  sort(sorted);
  for (const Interval &interval : sorted) {
    if (!result.empty() && interval.first <= result.back().second)
      result.back().second = std::max(result.back().second, interval.second);
    else
      result.push_back(interval);
  }
  return result;
}

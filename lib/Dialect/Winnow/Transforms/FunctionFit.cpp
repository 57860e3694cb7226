#include "FunctionFit.h"
#include "winnow/Dialect/Winnow/IR/Rational.h"

#include <array>
#include <cmath>

using namespace llvm;

double winnow::evaluateSpline(ArrayRef<double> knots, int64_t k, int64_t degree, int64_t piece,
                              double x) {
  if (degree == 0)
    return k == piece;
  double left = (x - knots[k]) / (knots[k + degree] - knots[k]);
  double right = (knots[k + degree + 1] - x) / (knots[k + degree + 1] - knots[k + 1]);
  return left * evaluateSpline(knots, k, degree - 1, piece, x) +
         right * evaluateSpline(knots, k + 1, degree - 1, piece, x);
}

namespace {
constexpr unsigned kAbove = 6, kBelow = 4, kParameters = kAbove + kBelow;
using Parameters = std::array<double, kParameters>;

/// A x = b for a symmetric, positive A, by Cholesky's factors. False if it is not.
bool solve(std::array<Parameters, kParameters> a, Parameters b, Parameters &x) {
  for (unsigned i = 0; i < kParameters; ++i) {
    for (unsigned j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (unsigned k = 0; k < j; ++k)
        sum -= a[i][k] * a[j][k];
      if (i == j && !(sum > 0))
        return false;
      a[i][j] = i == j ? std::sqrt(sum) : sum / a[j][j];
    }
    double sum = b[i];
    for (unsigned k = 0; k < i; ++k)
      sum -= a[i][k] * x[k];
    x[i] = sum / a[i][i];
  }
  for (unsigned i = kParameters; i-- > 0;) {
    double sum = x[i];
    for (unsigned k = i + 1; k < kParameters; ++k)
      sum -= a[k][i] * x[k];
    x[i] = sum / a[i][i];
  }
  return true;
}

/// P(t) / (1 + |b_1 t + ... + b_4 t^4|) against values at points in [-1, 1].
struct Problem {
  SmallVector<double> points, values;

  /// The value, and how it changes with each parameter.
  static double evaluate(const Parameters &p, double t, Parameters &gradient) {
    double top = 0, inner = 0, power = 1;
    std::array<double, kAbove> powers;
    for (unsigned i = 0; i < kAbove; ++i, power *= t) {
      powers[i] = power;
      top += p[i] * power;
      if (i >= 1 && i <= kBelow)
        inner += p[kAbove + i - 1] * power;
    }
    double bottom = 1 + std::fabs(inner), sign = inner < 0 ? -1 : 1;
    for (unsigned i = 0; i < kAbove; ++i)
      gradient[i] = powers[i] / bottom;
    for (unsigned i = 1; i <= kBelow; ++i)
      gradient[kAbove + i - 1] = -top / (bottom * bottom) * sign * powers[i];
    return top / bottom;
  }

  double squares(const Parameters &p) const {
    double sum = 0;
    Parameters ignored;
    for (size_t i = 0; i < points.size(); ++i)
      sum += std::pow(evaluate(p, points[i], ignored) - values[i], 2);
    return sum;
  }

  /// Steps downhill from `p`; a step that fails makes the next one shorter.
  void descend(Parameters &p) const {
    double best = squares(p), damping = 1e-3;
    for (unsigned step = 0; step < 200 && damping < 1e12; ++step) {
      std::array<Parameters, kParameters> normal{};
      Parameters slope{}, gradient, change;
      for (size_t i = 0; i < points.size(); ++i) {
        double residual = values[i] - evaluate(p, points[i], gradient);
        for (unsigned j = 0; j < kParameters; ++j) {
          slope[j] += gradient[j] * residual;
          for (unsigned k = 0; k <= j; ++k)
            normal[j][k] += gradient[j] * gradient[k];
        }
      }
      for (unsigned j = 0; j < kParameters; ++j)
        normal[j][j] += damping * (normal[j][j] + 1e-12);
      Parameters next = p;
      double reached = INFINITY;
      if (solve(normal, slope, change)) {
        for (unsigned j = 0; j < kParameters; ++j)
          next[j] += change[j];
        reached = squares(next);
      }
      if (!(reached < best)) {
        damping *= 4;
        continue;
      }
      bool isDone = best - reached < 1e-14 * best;
      p = next;
      best = reached;
      damping = std::max(damping / 3, 1e-12);
      if (isDone)
        return;
    }
  }
};
} // namespace

winnow::RationalFit winnow::fitRational(function_ref<double(double)> function, double low,
                                        double high) {
  // Coefficients for t = x / radius are of one size.
  double radius = std::max({std::fabs(low), std::fabs(high), 1e-30});
  constexpr unsigned numPoints = 128;
  Problem problem;
  for (unsigned i = 0; i < numPoints; ++i) {
    // More of them at the ends (Chebyshev).
    double share = 0.5 - 0.5 * std::cos(M_PI * (i + 0.5) / numPoints);
    double x = low + (high - low) * share;
    problem.points.push_back(x / radius);
    problem.values.push_back(function(x));
  }
  RationalFit best{{}, {}, INFINITY};
  // The sign of the sum below is a choice that a descent does not revise.
  for (double start : {0.1, -0.1}) {
    for (unsigned power : {1u, 2u}) {
      Parameters p{};
      p[kAbove + power - 1] = start;
      problem.descend(p);
      RationalFit fit{{}, {}, 0};
      for (unsigned i = 0; i < kAbove; ++i)
        fit.numerator.push_back(static_cast<float>(p[i] / std::pow(radius, i)));
      SmallVector<double> below = {1.0};
      for (unsigned i = 1; i <= kBelow; ++i)
        below.push_back(static_cast<float>(p[kAbove + i - 1] / std::pow(radius, i)));
      fit.denominator.assign(below.begin() + 1, below.end());
      constexpr unsigned numChecks = 1001;
      for (unsigned i = 0; i < numChecks; ++i) {
        double x = low + (high - low) * i / (numChecks - 1);
        double error = std::fabs(
            evaluateRational(DenominatorKind::AbsSum, fit.numerator, below, x) - function(x));
        fit.error = std::isnan(error) ? INFINITY : std::max(fit.error, error);
      }
      if (fit.error < best.error)
        best = fit;
    }
  }
  return best;
}

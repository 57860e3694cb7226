#include "PrecisionPlan.h"

#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using namespace llvm;
using namespace winnow;

/// How finely sizes are told apart.
static constexpr unsigned kSteps = 1 << 15;

/// What divides all that sites take beyond their least; 1 where some of it is no whole number.
static double getDivisor(ArrayRef<SmallVector<PlanOption>> sites, ArrayRef<double> least) {
  uint64_t divisor = 0;
  for (auto [options, low] : zip_equal(sites, least))
    for (const PlanOption &option : options) {
      double beyond = option.size - low;
      if (beyond != std::floor(beyond) || beyond > 9e15)
        return 1;
      divisor = std::gcd(divisor, static_cast<uint64_t>(beyond));
    }
  return std::max<uint64_t>(divisor, 1);
}

std::optional<SmallVector<unsigned>>
winnow::planPrecision(ArrayRef<SmallVector<PlanOption>> sites, double budget,
                      std::optional<double> maxLoss) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // What all sites take at least is taken exactly; only what they take beyond it is rounded.
  double base = 0, room = 0;
  SmallVector<double> least;
  for (const auto &options : sites) {
    double low = kInfinity, high = 0;
    for (const PlanOption &option : options) {
      low = std::min(low, option.size);
      high = std::max(high, option.size);
    }
    least.push_back(low);
    base += low;
    room += high - low;
  }
  bool isFree = budget - base >= room;
  room = std::min(room, budget - base);
  // Sums of sizes are not exact.
  if (room < 0 && room > -1e-9 * base)
    room = 0;
  if (!(room >= 0))
    return std::nullopt;
  // Exact where sizes have a common divisor that is large enough; else every site may lose a step.
  double step = getDivisor(sites, least), slots = std::floor(room / step) + 1;
  if (!(slots <= kSteps)) {
    step = room / (kSteps - 1);
    slots = kSteps + (isFree ? sites.size() : 0);
  }
  unsigned numSlots = static_cast<unsigned>(slots);

  // The least loss of the sites so far within so many steps, and the option that led to it.
  std::vector<double> best(numSlots, 0), next(numSlots);
  std::vector<std::vector<uint8_t>> chosen;
  auto getSteps = [&](unsigned site, const PlanOption &option) -> double {
    return std::ceil((option.size - least[site]) / step - 1e-9);
  };
  for (auto [site, options] : enumerate(sites)) {
    std::fill(next.begin(), next.end(), kInfinity);
    std::vector<uint8_t> choice(numSlots, 0);
    for (auto [number, option] : enumerate(options)) {
      double steps = getSteps(site, option);
      if (!(steps < numSlots))
        continue;
      for (unsigned size = static_cast<unsigned>(steps); size < numSlots; ++size) {
        double loss = best[size - static_cast<unsigned>(steps)] + option.loss;
        if (loss < next[size]) {
          next[size] = loss;
          choice[size] = number;
        }
      }
    }
    std::swap(best, next);
    chosen.push_back(std::move(choice));
  }

  unsigned size = numSlots - 1;
  if (maxLoss) {
    size = 0;
    while (size < numSlots && best[size] > *maxLoss)
      ++size;
    if (size == numSlots)
      return std::nullopt;
  }
  if (!std::isfinite(best[size]))
    return std::nullopt;
  SmallVector<unsigned> plan(sites.size());
  for (size_t site = sites.size(); site-- > 0;) {
    plan[site] = chosen[site][size];
    size -= static_cast<unsigned>(getSteps(site, sites[site][plan[site]]));
  }
  return plan;
}

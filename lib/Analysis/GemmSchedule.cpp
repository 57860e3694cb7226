//===- GemmSchedule.cpp - Tile sizes of matrix products -----------------------===//

#include "winnow/Analysis/GemmSchedule.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>

namespace winnow {

namespace {

struct Tile {
  int64_t mr, vectors;
  /// Time per element of a full tile, relative to the best tile.
  double cost;
};

/// Register tiles whose accumulators, one row of weights and one broadcast fit
/// the register file; the last one is a vector wide. Costs of the
/// FMA levels were measured on Zen 4 between K = 512 and 1024; many rows suffer
/// where the row stride is a power of two. Those of the level without FMA are
/// estimates.
llvm::ArrayRef<Tile> tilesOf(const CPULevel &level, Product product) {
  static constexpr Tile wide[] = {{8, 3, 1.0}, {12, 2, 1.06}, {16, 1, 1.3}};
  static constexpr Tile fused[] = {{4, 3, 1.0}, {6, 2, 1.08}, {8, 1, 1.3}};
  static constexpr Tile plain[] = {{4, 2, 1.0}, {6, 1, 1.2}};
  // A thread of a GPU computes one element, of a panel that is a column.
  static constexpr Tile single[] = {{1, 1, 1.0}};
  if (level.lanes(4) == 1)
    return single;
  // Without sums of four products, even and odd bytes take a register each.
  static constexpr Tile wideHalves[] = {{8, 2, 1.0}, {12, 1, 1.2}};
  // Scales and zeros of a panel's columns take registers as well.
  static constexpr Tile wideScaled[] = {{6, 3, 1.0}, {8, 2, 1.05}, {12, 1, 1.2}};
  if (product == Product::Unpacked)
    return level.numVectorRegs >= 32 ? llvm::ArrayRef<Tile>(wideScaled) : plain;
  if (product == Product::Integer && !level.hasVNNI)
    return level.numVectorRegs >= 32 ? llvm::ArrayRef<Tile>(wideHalves) : plain;
  if (level.numVectorRegs >= 32)
    return wide;
  return level.hasFMA ? llvm::ArrayRef<Tile>(fused) : plain;
}

/// The bytes of a panel that a pass walks once for each tile of rows: a part
/// of the smallest L2 cache among the machines of the level.
constexpr int64_t panelBytes = 192 * 1024;

/// Rows whose part of the input stays in the L2 cache while panels pass by.
constexpr int64_t blockRows = 128;

/// Where strips are so few, each thread is to have rows of its own: those that it wrote before and will
/// read next. Of lines that two threads have read, a write waits until both have given them up.
constexpr int64_t fewStrips = 4;
constexpr int64_t fewStripsRows = 32;

/// The tile that computes n columns fastest, of those that divide a panel.
Tile chooseTile(const CPULevel &level, int64_t n, std::optional<int64_t> panel, Product product) {
  int64_t lanes = level.lanes(4);
  const Tile *best = nullptr;
  double bestCost = 0;
  for (const Tile &tile : tilesOf(level, product)) {
    int64_t nr = tile.vectors * lanes;
    if (panel && *panel % nr != 0)
      continue;
    double cost = tile.cost * llvm::alignTo(n, nr);
    if (!best || cost < bestCost)
      best = &tile, bestCost = cost;
  }
  assert(best && "expected a panel of whole vectors");
  return *best;
}

} // namespace

int64_t chooseLinearPanel(const CPULevel &level, int64_t n, Product product) {
  return chooseTile(level, n, std::nullopt, product).vectors * level.lanes(4);
}

GemmSchedule chooseLinearSchedule(const CPULevel &level, int64_t n, int64_t k,
                                  std::optional<int64_t> m,
                                  std::optional<int64_t> panel, std::optional<int64_t> piece,
                                  Product product) {
  Tile tile = chooseTile(level, n, panel, product);
  GemmSchedule schedule;
  schedule.mr = tile.mr;
  schedule.nr = tile.vectors * level.lanes(4);
  // Passes of equal depth, in whole steps of the unrolled loop.
  k = std::max<int64_t>(k, 1);
  int64_t passes = llvm::divideCeil(k, panelBytes / (schedule.nr * 4));
  schedule.kc = std::min<int64_t>(k, llvm::alignTo(llvm::divideCeil(k, passes), 4));
  if (piece && *piece < k) {
    if (schedule.kc >= *piece) {
      schedule.kc -= schedule.kc % *piece;
    } else {
      passes = llvm::divideCeil(*piece, schedule.kc);
      while (*piece % passes)
        ++passes;
      constexpr int64_t kLeastDepth = 32;
      schedule.kc = *piece / passes < kLeastDepth ? *piece : *piece / passes;
    }
  }
  bool isFew = llvm::divideCeil(n, schedule.nr) <= fewStrips;
  int64_t most = level.lanes(4) == 1 ? 1 : isFew ? fewStripsRows : blockRows;
  int64_t rows = m ? std::clamp<int64_t>(*m, 1, most) : most;
  schedule.mb = llvm::alignTo(rows, schedule.mr);
  return schedule;
}

SparseLimits chooseSparseLimits(int64_t n, int64_t k, bool hasGate) {
  constexpr int64_t cachedBytes = 512 * 1024; // half of an L2 cache
  // Listing what is not zero takes as long as computing so many columns.
  constexpr int64_t listColumns = 32;
  auto scale = [&](int64_t limit) {
    return std::max<int64_t>(limit * (n - listColumns) / std::max<int64_t>(n, 1), 1);
  };
  return {scale(hasGate ? 760 : 430), scale(280), n * k * 4 <= cachedBytes ? 0 : 4608};
}

double SparseLimits::getBreakEven(double rows) const {
  if (rows <= 1)
    return few / 1024.0;
  rows = std::min<double>(rows, blockRows);
  return std::max<double>(few * 4 / 3, slope * rows - offset) / (1024 * rows);
}

} // namespace winnow

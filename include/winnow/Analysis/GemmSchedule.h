//===- GemmSchedule.h - Tile sizes of matrix products -------------------------===//

#ifndef WINNOW_ANALYSIS_GEMMSCHEDULE_H
#define WINNOW_ANALYSIS_GEMMSCHEDULE_H

#include "winnow/Support/CPULevel.h"
#include <cstdint>
#include <optional>

namespace winnow {

/// How a matrix product [M, K] x [K, N] is cut up.
struct GemmSchedule {
  int64_t mr; ///< rows of a register tile
  int64_t nr; ///< columns of a register tile
  int64_t kc; ///< depth of one pass over a panel; at most K
  int64_t mb; ///< rows that share one walk over a panel; a multiple of mr
};

/// What a product multiplies: floats; integers of 8 bits, four of which take the place
/// of a float, so that a step in depth is four of them; or floats with integers that are unpacked
/// on the way.
enum class Product { Float, Integer, Unpacked };

/// The columns of a panel of a `linear` kernel's weight [k, n], which is packed as
/// [ceil(n / panel), k, panel], zero padded. `level` is the highest one that has
/// to do with it: tiles of lower ones divide its panels.
int64_t chooseLinearPanel(const CPULevel &level, int64_t n, Product product = Product::Float);

/// The schedule of a product with a matrix [k, n]. `m` is the number of rows where
/// it is static, `panel` the width of the panels that the matrix is packed in: a
/// multiple of nr, and of the level's lanes. Without one, panels are to be as wide
/// as tiles. Where rows of the other matrix lie in pieces, `piece` is their width, and a
/// pass is some of them or a part of one.
GemmSchedule chooseLinearSchedule(const CPULevel &level, int64_t n, int64_t k,
                                  std::optional<int64_t> m,
                                  std::optional<int64_t> panel = std::nullopt,
                                  std::optional<int64_t> piece = std::nullopt,
                                  Product product = Product::Float);

/// When a product of m rows with a matrix [k, n] is faster if zeros of the rows are left
/// out: where fewer than k times the greater of `few` (a third more of several rows) and
/// `slope m - offset` of their elements are not zero, all in 1024ths.
///
/// Few rows wait for memory, from which single rows of the matrix come about half as fast
/// as all of them. Many rows compute, and what is listed takes four times as long as
/// what is not. Between them the dense product reads the matrix in order while it computes, and the
/// sparse one does not gain. A matrix that stays in the L2 cache keeps nobody waiting, and
/// of one with few columns the listing is a part that counts.
/// Measured on Zen 5, 1 to 128 rows.
struct SparseLimits {
  int64_t few, slope, offset;

  /// The share of elements that are not zero at which both take as long for so many rows.
  double getBreakEven(double rows) const;
};
/// With a gate, columns of the matrix are read as a whole each.
SparseLimits chooseSparseLimits(int64_t n, int64_t k, bool hasGate);

} // namespace winnow

#endif // WINNOW_ANALYSIS_GEMMSCHEDULE_H

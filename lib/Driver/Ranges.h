//===- Ranges.h - Between which values activations lie --------------------===//

#ifndef WINNOW_LIB_DRIVER_RANGES_H
#define WINNOW_LIB_DRIVER_RANGES_H

#include "winnow/Driver/Npz.h"

#include "llvm/Support/JSON.h"
#include <cmath>

namespace winnow {

/// Ranges of a tensor and of its channels, the last dimension, collected run by run.
class Ranges {
public:
  /// An array of f32.
  void add(const Array &array);
  llvm::json::Value toJSON() const;
  /// Of each channel.
  std::vector<float> getAbsMaxima() const;
  std::vector<float> getMeans() const;
  uint64_t getNumRows() const { return rows; }

private:
  /// The least and the greatest so many values, enough for a percentile near an end.
  static constexpr size_t kExtremes = 64;
  struct Channel {
    std::vector<float> least, greatest; ///< heaps, the innermost first
    double sum = 0;
    uint64_t count = 0;
    void add(float value);
  };
  double getPercentile(double share) const;

  uint64_t count = 0, rows = 0;
  float low = INFINITY, high = -INFINITY;
  /// By the upper half of a float's bits, in the order of the numbers.
  std::vector<uint64_t> histogram;
  std::vector<Channel> channels;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_RANGES_H

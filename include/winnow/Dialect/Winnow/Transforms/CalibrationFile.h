//===- CalibrationFile.h - What winnow calibrate found out ----------------===//

#ifndef WINNOW_DIALECT_WINNOW_TRANSFORMS_CALIBRATIONFILE_H
#define WINNOW_DIALECT_WINNOW_TRANSFORMS_CALIBRATIONFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <map>
#include <memory>
#include <optional>

namespace winnow {

/// What is known of a site.
struct CalibratedSite {
  double relevance = 0; ///< share at its input
  std::map<int64_t, double> sensitivity;
  std::optional<int64_t> pin;
  llvm::SmallVector<float> maxima, means; ///< of the input's channels
  /// The lower triangle of E[x x^T] of the input, in the file's memory; empty if it has none.
  llvm::ArrayRef<float> moments;
};

/// The JSON file, and the file of moments beside it that it may name.
class CalibrationFile {
public:
  /// An error says which file and what was expected of it.
  static llvm::Expected<CalibrationFile> read(llvm::StringRef path);
  /// Null for a site that it does not have.
  const CalibratedSite *find(llvm::StringRef name) const;

private:
  llvm::StringMap<CalibratedSite> sites;
  std::unique_ptr<llvm::MemoryBuffer> moments;
};

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_TRANSFORMS_CALIBRATIONFILE_H

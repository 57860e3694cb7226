//===- Weights.h - The weights file and the embedded form -----------------===//

#ifndef WINNOW_LINK_WEIGHTS_H
#define WINNOW_LINK_WEIGHTS_H

#include "winnow/Link/ModelInterface.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <string>

namespace winnow {

/// What the descriptor has to know about a model's weights.
struct WeightsSummary {
  int64_t bytes = 0;
  std::array<uint8_t, 32> sha256{};
  bool embedded = false; ///< linked into the artefact, not a file beside it

  std::string sha256Hex() const;
};

/// Streams the entries to `path`, zeros between them, and hashes on the way.
/// The file appears whole or not at all. Holds no more than a buffer and what
/// an entry's `write` holds.
llvm::Expected<WeightsSummary>
writeWeights(llvm::StringRef path, llvm::ArrayRef<WeightEntry> entries);

/// Writes an ELF object with the bytes of the weights file as the hidden
/// symbol `<model>_weights`, for artefacts that carry their weights. Streams;
/// needs no assembler.
llvm::Error writeWeightsObject(llvm::StringRef weightsPath,
                               llvm::StringRef objectPath,
                               llvm::StringRef modelName,
                               llvm::StringRef triple);

} // namespace winnow

#endif // WINNOW_LINK_WEIGHTS_H

//===- Artifact.h - Objects, libraries and executables --------------------===//

#ifndef WINNOW_LINK_ARTIFACT_H
#define WINNOW_LINK_ARTIFACT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <string>
#include <vector>

namespace winnow {

enum class ArtifactKind { Object, StaticLibrary, SharedLibrary, Executable };

struct ArtifactOptions {
  std::string directory; ///< Exists.
  std::string name;      ///< The model's name: files are `<directory>/<name>.*`
  std::string triple;
  std::vector<ArtifactKind> kinds;
  /// A weights file to link into the artefacts, or empty. The descriptor in
  /// the object has to say the same (WeightsSummary::embedded).
  std::string embeddedWeightsPath;
  /// Where libwinnow_rt.a and libwinnow_cli.a are, or empty: as
  /// findRuntimeDirectory says.
  std::string runtimeDirectory;
  /// The C compiler driver that links, or empty: clang-22, clang, cc, gcc,
  /// whichever comes first.
  std::string linker;
};

struct ArtifactFile {
  std::string name; ///< Without a folder.
  int64_t bytes;
};

/// Writes the artefacts of one model from its object file. Each file appears
/// whole or not at all, and equal inputs make equal bytes.
llvm::Expected<std::vector<ArtifactFile>>
writeArtifacts(llvm::MemoryBufferRef object, const ArtifactOptions &options);

/// The folder of libwinnow_rt.a: the environment's WINNOW_RUNTIME_DIR, else
/// `../lib` beside the folder of the running program, in build and install
/// trees alike.
llvm::Expected<std::string> findRuntimeDirectory();

/// `.o`, `.a`, `.so` or nothing.
llvm::StringRef getExtension(ArtifactKind kind);

} // namespace winnow

#endif // WINNOW_LINK_ARTIFACT_H

//===- ExternalData.h - The one way to files named by a model -------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_EXTERNALDATA_H
#define WINNOW_LIB_IMPORT_ONNX_EXTERNALDATA_H

#include "winnow_onnx.pb.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include <memory>
#include <optional>
#include <string>

namespace winnow::import {

/// A whole file, mapped read-only.
class MappedFile {
public:
  MappedFile(void *data, size_t size) : data(data), size(size) {}
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  llvm::ArrayRef<char> getBytes() const { return {static_cast<const char *>(data), size}; }

private:
  void *data;
  size_t size;
};

/// Resolves `external_data` of any tensor of one model. A model is untrusted:
/// a location is a relative path below the model's directory, without `..`,
/// and may not pass a symbolic link, nor name a hard link, a device or a FIFO.
class ExternalData {
public:
  ExternalData() = default;
  explicit ExternalData(llvm::StringRef directory) : directory(directory) {}

  /// The bytes of the tensor, `expectedSize` of them; the file stays mapped as
  /// long as this object. On failure `error` says why.
  std::optional<llvm::ArrayRef<char>> resolve(const onnx::TensorProto &tensor,
                                              uint64_t expectedSize, std::string &error);

private:
  MappedFile *map(llvm::StringRef location, std::string &error);

  std::string directory;
  llvm::StringMap<std::unique_ptr<MappedFile>> files;
};

/// Why some location in the model may not be read, whatever tensor it belongs to
/// and whether or not a node uses that: in initializers, dense and sparse, and
/// in all attributes, of the graph, branches, functions and training. Empty if
/// all are plain relative paths.
std::string checkLocations(const onnx::ModelProto &model);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_EXTERNALDATA_H

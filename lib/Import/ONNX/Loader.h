//===- Loader.h - Reads the model file ------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_LOADER_H
#define WINNOW_LIB_IMPORT_ONNX_LOADER_H

#include "ExternalData.h"
#include "winnow_onnx.pb.h"
#include "llvm/ADT/DenseMap.h"
#include <deque>

namespace winnow::import {

/// A parsed model and the files it refers to. Constants keep it alive.
struct LoadedModel {
  onnx::ModelProto proto;
  ExternalData files;

  /// A tensor's raw data, wherever it lies.
  llvm::ArrayRef<char> getRawData(const onnx::TensorProto &tensor) const {
    auto it = cut.find(&tensor);
    return it == cut.end() ? llvm::ArrayRef<char>(tensor.raw_data()) : it->second;
  }

  /// Nodes of inlined functions whose attributes were substituted.
  std::deque<onnx::NodeProto> substituted;

  /// The model's own file, and where in it the raw data lies that was not
  /// parsed: weights are neither copied nor read before they are used.
  std::unique_ptr<MappedFile> file;
  llvm::DenseMap<const onnx::TensorProto *, llvm::ArrayRef<char>> cut;
};

/// Maps and parses the file. On failure `error` says why, and what to do.
std::shared_ptr<LoadedModel> loadModel(llvm::StringRef path, std::string &error);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_LOADER_H

//===- Loader.h - Reads the model file ------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_LOADER_H
#define WINNOW_LIB_IMPORT_ONNX_LOADER_H

#include "ExternalData.h"
#include "winnow_onnx.pb.h"
#include <deque>

namespace winnow::import {

/// A parsed model and the files it refers to. Constants keep it alive.
struct LoadedModel {
  onnx::ModelProto proto;
  ExternalData files;
  /// Nodes of inlined functions whose attributes were substituted.
  std::deque<onnx::NodeProto> substituted;
};

/// Parses the file as a stream, so that the peak is one copy of the model. On
/// failure `error` says why, and what to do.
std::shared_ptr<LoadedModel> loadModel(llvm::StringRef path, std::string &error);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_LOADER_H

//===- CompiledModel.h - A compiled model, opened from its folder ---------===//

#ifndef WINNOW_LIB_DRIVER_COMPILEDMODEL_H
#define WINNOW_LIB_DRIVER_COMPILEDMODEL_H

#include "winnow/runtime.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace winnow {

/// The runtime's statuses as LLVM's errors. Takes the status.
llvm::Error toError(winnow_status *status);

struct CloseModel {
  void operator()(winnow_model *model) const { winnow_model_close(model); }
};
struct DestroyContext {
  void operator()(winnow_context *context) const {
    winnow_context_destroy(context);
  }
};
using ModelPtr = std::unique_ptr<winnow_model, CloseModel>;
using ContextPtr = std::unique_ptr<winnow_context, DestroyContext>;

/// `artifact` is the folder of a compile or the path of its .so. The library
/// stays loaded until the process ends.
llvm::Expected<ModelPtr> openCompiledModel(llvm::StringRef artifact);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_COMPILEDMODEL_H

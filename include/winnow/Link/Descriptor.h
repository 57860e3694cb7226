//===- Descriptor.h - The winnow_model_desc of a compiled model -----------===//

#ifndef WINNOW_LINK_DESCRIPTOR_H
#define WINNOW_LINK_DESCRIPTOR_H

#include "winnow/Link/ModelInterface.h"
#include "winnow/Link/Weights.h"
#include "llvm/Support/Error.h"

namespace llvm {
class Module;
} // namespace llvm

namespace winnow {

/// Adds, for each form of the model, the exported constant `<name>_model` (`<name>_packed_model`)
/// to a module that defines
///
///   void    winnow.run(const winnow_call *)
///   int64_t winnow.workspace_bytes(const int64_t *symbols)
///   void    winnow.output_dims(const int64_t *symbols, int64_t *dims)
///   void    winnow.capacities(int64_t *symbols)
///   void    winnow.output_room(const int64_t *symbols, int64_t *dims)
///   int64_t winnow.input_dim(const int64_t *symbols, int64_t n)
///
/// (the last one only if an input has a dimension that is an expression), with the form
/// (`.packed`) and the suffix of each of the model's codes behind the name,
/// and makes every other definition internal, so that several models link into
/// one program. With `weights.embedded` the descriptor points to the symbol
/// that writeWeightsObject defines.
llvm::Error addDescriptors(llvm::Module &module, llvm::ArrayRef<ModelInterface> models,
                           const WeightsSummary &weights);

} // namespace winnow

#endif // WINNOW_LINK_DESCRIPTOR_H

//===- Header.h - The typed C header of a compiled model ------------------===//

#ifndef WINNOW_LINK_HEADER_H
#define WINNOW_LINK_HEADER_H

#include "winnow/Link/ModelInterface.h"
#include "llvm/Support/Error.h"
#include <string>

namespace winnow {

/// A header for C99 and C++: the descriptor, a struct of the model's symbols,
/// and an inline run function with one typed parameter per tensor.
std::string makeHeader(const ModelInterface &model);

llvm::Error writeHeader(llvm::StringRef path, const ModelInterface &model);

} // namespace winnow

#endif // WINNOW_LINK_HEADER_H

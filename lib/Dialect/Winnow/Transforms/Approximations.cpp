#include "winnow/Dialect/Winnow/Transforms/Passes.h"

using namespace mlir;
using namespace winnow;

static std::unique_ptr<Pass> makeMergeTokens(StringRef argument, ArrayRef<unsigned> skip) {
  MergeTokensOptions options;
  if (argument.getAsInteger(10, options.window) || options.window < 2 || options.window > 64)
    return nullptr;
  options.skip.assign(skip.begin(), skip.end());
  return createMergeTokens(options);
}

llvm::ArrayRef<Approximation> winnow::getApproximations() {
  static const Approximation approximations[] = {
      {"merge-tokens", "2", "SIDE, of windows, from 2 to 64", makeMergeTokens},
  };
  return approximations;
}

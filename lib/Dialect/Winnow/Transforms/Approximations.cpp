#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Precision.h"

using namespace mlir;
using namespace winnow;

static std::unique_ptr<Pass> makeMergeTokens(StringRef argument, ArrayRef<unsigned> skip) {
  MergeTokensOptions options;
  if (argument.getAsInteger(10, options.window) || options.window < 2 || options.window > 64)
    return nullptr;
  options.skip.assign(skip.begin(), skip.end());
  return createMergeTokens(options);
}

static bool parseShare(StringRef argument, double &share) {
  return !argument.getAsDouble(share) && share > 0 && share < 1;
}

static std::unique_ptr<Pass> makeGroupFunctions(StringRef argument, ArrayRef<unsigned> skip) {
  GroupFunctionsOptions options;
  if (!parseShare(argument, options.bound))
    return nullptr;
  options.skip.assign(skip.begin(), skip.end());
  return createGroupFunctions(options);
}

static std::unique_ptr<Pass> makeFitFunctions(StringRef argument, ArrayRef<unsigned> skip) {
  GroupFunctionsOptions options;
  if (!parseShare(argument, options.fit))
    return nullptr;
  options.skip.assign(skip.begin(), skip.end());
  return createGroupFunctions(options);
}

static std::unique_ptr<Pass> makeUseProbSparse(StringRef argument, ArrayRef<unsigned> skip) {
  UseProbSparseOptions options;
  if (argument.getAsInteger(10, options.factor) || options.factor < 1 || options.factor > 1000)
    return nullptr;
  options.skip.assign(skip.begin(), skip.end());
  return createUseProbSparse(options);
}

static std::unique_ptr<Pass> makeTopKActivations(StringRef argument, ArrayRef<unsigned> skip) {
  TopKActivationsOptions options;
  if (!parseShare(argument, options.share) &&
      (argument.getAsInteger(10, options.k) || options.k < 1))
    return nullptr;
  options.skip.assign(skip.begin(), skip.end());
  return createTopKActivations(options);
}

static std::unique_ptr<Pass> makeStatisticalTopK(StringRef argument, ArrayRef<unsigned> skip) {
  TopKActivationsOptions options;
  if (!parseShare(argument, options.share))
    return nullptr;
  options.statistical = true;
  options.skip.assign(skip.begin(), skip.end());
  return createTopKActivations(options);
}

static std::unique_ptr<Pass> makeFitPredictors(StringRef argument) {
  FitPredictorsOptions options;
  parseShare(argument, options.recall);
  return createFitPredictors(options);
}

static std::unique_ptr<Pass> makePredictActivation(StringRef argument, ArrayRef<unsigned> skip) {
  double recall;
  if (!parseShare(argument, recall))
    return nullptr;
  PredictActivationOptions options;
  options.skip.assign(skip.begin(), skip.end());
  return createPredictActivation(options);
}

static std::unique_ptr<Pass> makeChoosePrecision(StringRef argument, ArrayRef<unsigned> skip) {
  ChoosePrecisionOptions options;
  if (argument.getAsInteger(10, options.bits) || options.bits < 2 || options.bits > 8)
    return nullptr;
  options.skip.assign(skip.begin(), skip.end());
  return createChoosePrecision(options);
}

static std::unique_ptr<Pass> makeAssignPrecision(StringRef argument, ArrayRef<unsigned> skip) {
  std::optional<AssignPrecisionOptions> options = parseAssignPrecision(argument);
  if (!options)
    return nullptr;
  options->skip.assign(skip.begin(), skip.end());
  return createAssignPrecision(*options);
}

llvm::ArrayRef<Approximation> winnow::getApproximations() {
  static const Approximation approximations[] = {
      {"group-functions", "0.01", "SHARE, between 0 and 1", makeGroupFunctions},
      {"fit-functions", "0.01", "SHARE, between 0 and 1", makeFitFunctions},
      {"probsparse", "5", "FACTOR, from 1 to 1000", makeUseProbSparse},
      {"merge-tokens", "2", "SIDE, of windows, from 2 to 64", makeMergeTokens},
      {"topk-activation", "0.1", "K, of hidden units, or a SHARE of them between 0 and 1",
       makeTopKActivations},
      {"statistical-topk", "0.1", "SHARE, between 0 and 1", makeStatisticalTopK},
      {"predict-activation", "0.99", "RECALL, between 0 and 1", makePredictActivation,
       makeFitPredictors},
      {"quantize", "8", "BITS, of weights, from 2 to 8", makeChoosePrecision},
      {"assign-precision", "",
       "FILE.json[,bits=N|bytes=N|latency=SHARE|loss=ERROR][,by=relevance|sensitivity|both]"
       "[,widths=4/6/8/16/32]",
       makeAssignPrecision},
  };
  return approximations;
}

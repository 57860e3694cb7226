//===- Perturbation.h - A model whose layers are rounded at will ----------===//

#ifndef WINNOW_LIB_DRIVER_PERTURBATION_H
#define WINNOW_LIB_DRIVER_PERTURBATION_H

#include "winnow/Dialect/Winnow/Transforms/Sites.h"
#include "winnow/Driver/Run.h"
#include "winnow/Support/InputMoments.h"

namespace winnow {

/// Runs what winnow-expose-weights made of a model, with each site's weights, and what it reads,
/// rounded to the width that is set for it.
class Perturbation {
public:
  static mlir::FailureOr<Perturbation> create(llvm::ArrayRef<PrecisionSite> sites);

  /// What is known of the channels that a site with a weight reads: inputs are scaled by their
  /// greatest absolute values, and the mean error of rounded weights is taken from the output. With
  /// the lower triangle of their moments weights are rounded by them.
  void setChannels(size_t site, llvm::ArrayRef<float> maxima, llvm::ArrayRef<float> means,
                   llvm::ArrayRef<float> triangle);

  /// Of 2 to 8 bits, with an input of 8 bits by rows; greater ones are floats. Sites without a
  /// weight stay as they are.
  void setWidth(size_t site, int width);
  bool hasWeight(size_t site) const { return bool(sites[site].weight); }
  /// The output by its name; `inputs` are the model's own.
  llvm::Expected<Array> run(ArrayRunner &runner, std::vector<NamedArray> &inputs,
                            llvm::StringRef output);

private:
  std::vector<PrecisionSite> sites;
  std::vector<std::vector<float>> weights, factors, means;
  std::vector<std::optional<InputMoments>> moments;
  /// The steps of each site's input, then of each that has weights these, the factors of its
  /// inputs and what is added to its outputs; lent to each run.
  std::vector<NamedArray> arrays;
  std::vector<size_t> places;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_PERTURBATION_H

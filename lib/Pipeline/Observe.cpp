//===- Observe.cpp - What hidden layers compute on calibration data -------===//

#include "Observe.h"

#include "winnow/Dialect/Winnow/IR/Dims.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Predictors.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Pass/PassManager.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace {
/// Rows of one layer's sums, those that choose and those that measure.
struct Observed {
  int64_t units = 0, rows = 0; ///< rows: that there were
  std::vector<float> parts[2];
};

/// What is kept of all layers together.
constexpr size_t kMostBytes = size_t(1) << 30;
/// A layer's rows: more do not make the fit better.
constexpr size_t kMostRows[2] = {1536, 512};
} // namespace

/// Copies rows that are spread evenly, and leaves out those that are not finite.
static void keepRows(ArrayRef<float> values, int64_t units, size_t most, std::vector<float> &kept) {
  size_t rows = values.size() / units, count = std::min(rows, most);
  for (size_t i = 0; i < count; ++i) {
    ArrayRef<float> row = values.slice(i * rows / count * units, units);
    if (llvm::all_of(row, [](float value) { return std::isfinite(value); }))
      llvm::append_range(kept, row);
  }
}

LogicalResult winnow::observeHiddenLayers(ModuleOp module, AccuracyJudge &judge,
                                          CompileAside compile) {
  SmallVector<LinearOp> layers = getPredictableLayers(getMainEntry(module));
  if (layers.empty())
    return success();
  std::vector<Observed> all(layers.size());
  size_t width = 0;
  for (auto [layer, observed] : llvm::zip_equal(layers, all)) {
    observed.units = *getConstantDim(getDims(layer.getResult()).back());
    width += observed.units;
  }

  size_t runs = judge.getNumRuns(), runsOf[2] = {0, 0};
  auto getPart = [&](size_t run) { return judge.getPart(run) == AccuracyJudge::Part::Measure; };
  for (size_t run = 0; run < runs; ++run)
    ++runsOf[getPart(run)];
  double share = std::min(1.0, double(kMostBytes) / ((kMostRows[0] + kMostRows[1]) * width * 4));
  auto getMost = [&](bool part) {
    return std::max<size_t>(kMostRows[part] * share / std::max<size_t>(runsOf[part], 1), 1);
  };

  OwningOpRef<ModuleOp> exposed(module.clone());
  PassManager pm(module.getContext());
  pm.addPass(createExposeActivations());
  if (failed(pm.run(*exposed)) || failed(compile(*exposed, [&](StringRef directory) {
        return judge.observe(directory, [&](size_t run, size_t output, ArrayRef<float> values) {
          Observed &observed = all[output];
          observed.rows += values.size() / observed.units;
          if (runs > 1)
            return keepRows(values, observed.units, getMost(getPart(run)),
                            observed.parts[getPart(run)]);
          // Of a single run the last quarter of the rows measures.
          size_t measured = values.size() / observed.units / 4 * observed.units;
          keepRows(values.drop_back(measured), observed.units, kMostRows[0] * share,
                   observed.parts[0]);
          keepRows(values.take_back(measured), observed.units, kMostRows[1] * share,
                   observed.parts[1]);
        });
      })))
    return failure();

  Builder b(module.getContext());
  for (auto [layer, observed] : llvm::zip_equal(layers, all)) {
    int64_t measured = observed.parts[1].size() / observed.units;
    std::vector<float> sums = std::move(observed.parts[0]);
    llvm::append_range(sums, observed.parts[1]);
    int64_t rows = sums.size() / observed.units;
    auto type = RankedTensorType::get({rows, observed.units}, b.getF32Type());
    auto elements = DenseResourceElementsAttr::get(
        type, "observed", HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<float>(sums)));
    layer->setAttr(kObserved,
                   b.getDictionaryAttr(
                       {b.getNamedAttr("sums", elements),
                        b.getNamedAttr("measured", b.getI64IntegerAttr(measured)),
                        b.getNamedAttr("rows", b.getF64FloatAttr(double(observed.rows) / runs))}));
  }
  return success();
}

//===- QuantizeLinears.cpp - Linear layers in 8 bits ----------------------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"
#include "winnow/Support/RoundWeights.h"

#include "mlir/IR/DialectResourceBlobManager.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_CHOOSEPRECISION
#define GEN_PASS_DEF_QUANTIZELINEARS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// The constants side by side that a weight is; none for another expression.
static SmallVector<Value> getParts(LinearOp op) {
  SmallVector<Value> parts = {op.getWeight()};
  if (auto concat = op.getWeight().getDefiningOp<ConcatOp>();
      concat && concat.getAxis() == (op.getTransposeWeight() ? 0 : 1))
    parts = llvm::to_vector(concat.getInputs());
  if (!llvm::all_of(parts, getConstantElements))
    parts.clear();
  return parts;
}

/// Sums of so many products of bytes fit 32 bits.
static constexpr int64_t kMaxDepth = 1 << 15;

/// Why the layer cannot be computed in integers; empty if it can.
static std::string getObstacle(LinearOp op) {
  if (!getElementTypeOrSelf(op.getType()).isF32())
    return "expected floats of 32 bits, got " +
           std::to_string(getElementTypeOrSelf(op.getType()).getIntOrFloatBitWidth());
  if (getParts(op).empty())
    return "the weight is not a constant";
  if (op.getActivation() == Activation::GroupRational)
    return "its activation has coefficients";
  std::optional<int64_t> depth = getConstantDim(getDims(op.getInput()).back());
  if (!depth || *depth > kMaxDepth)
    return "expected rows of at most " + std::to_string(kMaxDepth) + " elements, got " +
           toString(getDims(op.getInput()).back());
  return "";
}

namespace {
struct ChoosePrecision : winnow::impl::ChoosePrecisionBase<ChoosePrecision> {
  using ChoosePrecisionBase::ChoosePrecisionBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "quantize");
    unsigned number = 0;
    getOperation().walk([&](LinearOp op) {
      if (std::string obstacle = getObstacle(op); !obstacle.empty())
        return reporter.refused(op.getLoc(), "quantize.not-possible", obstacle);
      if (llvm::is_contained(skip, number++))
        return;
      Dims weight = getDims(op.getWeight());
      reporter.applied(op.getLoc(), "quantize.chosen",
                       "stores a weight of " + toString(weight) + " in " + Twine(bits) +
                           " bits instead of 32, and computes in integers");
      op->setAttr(kBits, Builder(&getContext()).getI64IntegerAttr(bits));
    });
  }
};

/// One constant [K, N] (or [N, K]) as whole numbers for each column, times that column's scale.
struct Quantized {
  DenseResourceElementsAttr weight;
  SmallVector<float> scales;
};

struct QuantizeLinears : winnow::impl::QuantizeLinearsBase<QuantizeLinears> {
  using QuantizeLinearsBase::QuantizeLinearsBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "quantize-linears");
    SmallVector<LinearOp> sites;
    getOperation().walk([&](LinearOp op) {
      if (op->hasAttr(kBits))
        sites.push_back(op);
    });
    known.clear();
    DenseMap<Value, Value> rows; // the quantised rows of each input
    for (LinearOp site : sites)
      quantize(site, rows, reporter);
    eraseDeadOps(getOperation());
  }

private:
  DenseMap<Attribute, Quantized> known;

  void quantize(LinearOp op, DenseMap<Value, Value> &rows, SiteReporter &reporter) {
    auto bits = op->getAttrOfType<IntegerAttr>(kBits);
    if (bits && (bits.getInt() == 16 || bits.getInt() == 32))
      return;
    if (!bits || bits.getInt() < 2 || bits.getInt() > 8)
      return reporter.refused(op.getLoc(), "quantize.bits",
                              "expected winnow.bits of 2 to 8, or 16 or 32 for floats");
    if (std::string obstacle = getObstacle(op); !obstacle.empty())
      return reporter.refused(op.getLoc(), "quantize.not-possible", obstacle);
    OpBuilder b(op);
    Location loc = op.getLoc();
    SmallVector<Value> weights;
    SmallVector<float> scales;
    for (Value part : getParts(op)) {
      // The forms of a model share their weights.
      Attribute key = b.getArrayAttr({getConstantElements(part), b.getBoolAttr(op.getTransposeWeight()),
                                      bits});
      auto [entry, isNew] = known.try_emplace(key);
      if (isNew)
        entry->second = quantizePart(part, op.getTransposeWeight(), bits.getInt());
      const Quantized &quantized = entry->second;
      weights.push_back(ConstantOp::create(b, part.getLoc(), quantized.weight));
      llvm::append_range(scales, quantized.scales);
    }
    Value weight = weights.size() == 1
                       ? weights[0]
                       : ConcatOp::create(b, loc, weights, op.getTransposeWeight() ? 0 : 1);
    auto type = RankedTensorType::get({static_cast<int64_t>(scales.size())}, b.getF32Type());
    Value scale = ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, ArrayRef(scales)));
    Value &values = rows[op.getInput()];
    if (!values) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointAfterValue(op.getInput());
      values = QuantizeRowsOp::create(b, loc, op.getInput()).getValues();
    }
    auto quantizeRows = values.getDefiningOp<QuantizeRowsOp>();
    Value result = QuantizedLinearOp::create(
        b, loc, op.getType(), values, weight, scale, quantizeRows.getZero(),
        quantizeRows.getScale(), /*weight_zero=*/Value(), op.getBias(), op.getResidual(),
        op.getActivation(), op.getTransposeWeight(), /*block_size=*/IntegerAttr());
    op.getResult().replaceAllUsesWith(result);
    reporter.counted(loc, "quantize-linears.applied", "computes in integers of 8 bits");
  }

  /// Symmetric, with a scale for each column.
  static Quantized quantizePart(Value part, bool isTransposed, int64_t bits) {
    ElementsAttr elements = getConstantElements(part);
    SmallVector<float> storage;
    ArrayRef<float> numbers = *getFloats(elements, storage);
    ArrayRef<int64_t> shape = cast<RankedTensorType>(part.getType()).getShape();
    int64_t n = shape[isTransposed ? 0 : 1], k = shape[isTransposed ? 1 : 0];
    auto place = [&](int64_t row, int64_t column) {
      return isTransposed ? column * k + row : row * n + column;
    };
    SmallVector<float> scales(n), weights(k);
    SmallVector<int8_t> bytes(numbers.size()), rounded(k);
    for (int64_t column = 0; column < n; ++column) {
      for (int64_t row = 0; row < k; ++row)
        weights[row] = numbers[place(row, column)];
      scales[column] = roundWeights(weights, bits, rounded);
      for (int64_t row = 0; row < k; ++row)
        bytes[place(row, column)] = rounded[row];
    }
    auto type = RankedTensorType::get(shape, IntegerType::get(part.getContext(), 8));
    return {DenseResourceElementsAttr::get(
                type, "quantized",
                HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<int8_t>(bytes))),
            scales};
  }
};
} // namespace

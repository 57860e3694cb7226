//===- QuantizeLinears.cpp - Linear layers in 8 bits ----------------------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"
#include "winnow/Support/InputMoments.h"

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
  SmallVector<float> shifts; ///< what is lost by that on average; where means are known
};

/// What is known of a layer's input, by channel; empty if nothing is.
struct Channels {
  DenseF32ArrayAttr factors, means;
  ElementsAttr moments;
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
    Rows rows;
    for (LinearOp site : sites)
      quantize(site, rows, reporter);
    getOperation().walk([](LinearOp op) { op->removeAttr(kInputMoments); });
    eraseDeadOps(getOperation());
  }

private:
  /// The quantised rows of each input, by factors.
  using Rows = DenseMap<std::pair<Value, Attribute>, Value>;
  DenseMap<Attribute, Quantized> known;

  static WeightLayout getLayout(LinearOp op, Value part) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(part.getType()).getShape();
    bool isTransposed = op.getTransposeWeight();
    return {shape[isTransposed ? 1 : 0], shape[isTransposed ? 0 : 1], isTransposed};
  }

  static Channels getChannels(LinearOp op) {
    auto maxima = op->getAttrOfType<DenseF32ArrayAttr>(kInputMaxima);
    auto means = op->getAttrOfType<DenseF32ArrayAttr>(kInputMeans);
    auto moments = op->getAttrOfType<ElementsAttr>(kInputMoments);
    int64_t depth = *getConstantDim(getDims(op.getInput()).back());
    if (moments && moments.getNumElements() != InputMoments::countElements(depth))
      moments = nullptr;
    if (!maxima || !means || maxima.size() != depth || means.size() != depth)
      return {{}, {}, moments};
    SmallVector<float> weightMaxima(depth, 0);
    for (Value part : getParts(op)) {
      SmallVector<float> storage;
      addWeightMaxima(*getFloats(getConstantElements(part), storage), getLayout(op, part), weightMaxima);
    }
    std::vector<float> factors = chooseInputFactors(maxima, weightMaxima, kMigration);
    return {DenseF32ArrayAttr::get(op.getContext(), factors), means, moments};
  }

  void quantize(LinearOp op, Rows &rows, SiteReporter &reporter) {
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
    Channels channels = getChannels(op);
    SmallVector<Value> weights;
    SmallVector<float> scales, shifts;
    std::optional<InputMoments> moments;
    for (Value part : getParts(op)) {
      // The forms of a model share their weights.
      Attribute none = b.getUnitAttr();
      Attribute key = b.getArrayAttr({getConstantElements(part), b.getBoolAttr(op.getTransposeWeight()),
                                      bits, channels.factors ? channels.factors : none,
                                      channels.means ? channels.means : none,
                                      channels.moments ? channels.moments : none});
      auto [entry, isNew] = known.try_emplace(key);
      if (isNew) {
        if (channels.moments && !moments)
          moments = createMoments(channels, getLayout(op, part).inputs);
        entry->second = quantizePart(part, getLayout(op, part), bits.getInt(), channels, moments);
      }
      const Quantized &quantized = entry->second;
      weights.push_back(ConstantOp::create(b, part.getLoc(), quantized.weight));
      llvm::append_range(scales, quantized.scales);
      llvm::append_range(shifts, quantized.shifts);
    }
    Value weight = weights.size() == 1
                       ? weights[0]
                       : ConcatOp::create(b, loc, weights, op.getTransposeWeight() ? 0 : 1);
    auto constant = [&](ArrayRef<float> numbers) -> Value {
      auto type = RankedTensorType::get({static_cast<int64_t>(numbers.size())}, b.getF32Type());
      return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, numbers));
    };
    Value bias = op.getBias();
    if (!shifts.empty())
      bias = bias ? AddOp::create(b, loc, bias, constant(shifts)).getResult() : constant(shifts);
    Value &values = rows[{op.getInput(), channels.factors}];
    if (!values) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointAfterValue(op.getInput());
      Value factors;
      if (channels.factors && !llvm::all_equal(channels.factors.asArrayRef()))
        factors = constant(llvm::map_to_vector(channels.factors.asArrayRef(), [](float f) { return 1 / f; }));
      values = QuantizeRowsOp::create(b, loc, op.getInput(), factors).getValues();
    }
    auto quantizeRows = values.getDefiningOp<QuantizeRowsOp>();
    Value result = QuantizedLinearOp::create(
        b, loc, op.getType(), values, weight, constant(scales), quantizeRows.getZero(),
        quantizeRows.getScale(), /*weight_zero=*/Value(), bias, op.getResidual(),
        op.getActivation(), op.getTransposeWeight(), /*block_size=*/IntegerAttr());
    op.getResult().replaceAllUsesWith(result);
    reporter.counted(loc, "quantize-linears.applied", "computes in integers of 8 bits");
  }

  static std::optional<InputMoments> createMoments(const Channels &channels, int64_t inputs) {
    SmallVector<float> storage;
    std::optional<ArrayRef<float>> triangle = getFloats(channels.moments, storage);
    if (!triangle || channels.moments.isSplat())
      return std::nullopt;
    ArrayRef<float> factors;
    if (channels.factors)
      factors = channels.factors;
    return InputMoments::create(*triangle, inputs, factors);
  }

  /// Symmetric, with a scale for each column.
  static Quantized quantizePart(Value part, const WeightLayout &layout, int64_t bits,
                                const Channels &channels, const std::optional<InputMoments> &moments) {
    SmallVector<float> storage;
    ArrayRef<float> weights = *getFloats(getConstantElements(part), storage);
    ArrayRef<float> factors;
    if (channels.factors)
      factors = channels.factors;
    Quantized result;
    result.scales.resize(layout.outputs);
    SmallVector<int8_t> bytes(weights.size());
    roundLayer(weights, layout, bits, factors, moments ? &*moments : nullptr, bytes, result.scales);
    if (channels.means)
      llvm::append_range(result.shifts,
                         sumMeanErrors(weights, layout, factors, bytes, result.scales, channels.means));
    auto type = RankedTensorType::get(cast<RankedTensorType>(part.getType()).getShape(),
                                      IntegerType::get(part.getContext(), 8));
    result.weight = DenseResourceElementsAttr::get(
        type, "quantized", HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<int8_t>(bytes)));
    return result;
  }
};
} // namespace

#include "Elements.h"
#include "Evaluate.h"
#include "MaskReader.h"
#include "ProbSparseSite.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/IR/IRMapping.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISEPROBSPARSE
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Masks whose parts are computed from kept rows are no deeper.
static constexpr unsigned kMaxMaskDepth = 16;

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// A row of numbers where all rows are the same.
Value ProbSparseSite::buildTable(OpBuilder &builder) {
  Location loc = topk.getLoc();
  if (std::optional<std::vector<int64_t>> numbers = tracer.evaluate(table, {query, sample})) {
    int64_t width = *getConstantDim(samples);
    bool isShared = true;
    for (size_t i = width; i < numbers->size(); ++i)
      isShared &= (*numbers)[i] == (*numbers)[i - width];
    SmallVector<int64_t> shape = {static_cast<int64_t>(numbers->size()) / width, width};
    if (isShared) {
      shape = {width};
      numbers->resize(width);
    }
    auto type = RankedTensorType::get(shape, builder.getI64Type());
    return ConstantOp::create(builder, loc, type,
                              DenseElementsAttr::get(type, ArrayRef<int64_t>(*numbers)));
  }
  const Element *reading =
      table.terms.size() == 1 ? tracer.getReading(table.terms[0].counter) : nullptr;
  if (!reading || !isConstantDim(table.terms[0].factor, 1) || !isConstantDim(table.offset, 0))
    return nullptr;
  Type type = getElementTypeOrSelf(reading->value);
  if (!type.isInteger(32) && !type.isInteger(64))
    return nullptr;
  Value value = tracer.rebuild(builder, loc, *reading, {query, sample});
  if (!value || !isConstantDim(getDims(value)[0], 1) || query.isConstant())
    return value;
  return reshapeTo(builder, loc, value, {getDims(value)[1]}, getNumSymbols(value.getType()));
}

/// A constant mask over the dimensions in which it varies.
Value ProbSparseSite::foldMask(OpBuilder &builder, const Element &origin) {
  ElementsAttr attr = getConstantElements(origin.value);
  if (!attr)
    return nullptr;
  Position flat = tracer.constant(0);
  for (auto [at, step] : llvm::zip_equal(origin.at, getStrides(attr.getShapedType().getShape())))
    flat = tracer.add(flat, at, step);
  SmallVector<Position> axes;
  SmallVector<int64_t> shape;
  for (const Position &axis : {batch, head, query, key}) {
    bool occurs = !tracer.isSame(tracer.replace(flat, axis, tracer.constant(0)), flat);
    axes.push_back(occurs ? axis : tracer.constant(0));
    std::optional<int64_t> size = 1;
    if (occurs)
      size = getConstantDim(tracer.getSize(axis.terms[0].counter));
    if (!size || axis.terms.size() > 1)
      return nullptr;
    shape.push_back(*size);
  }
  std::optional<std::vector<int64_t>> numbers = tracer.evaluate(flat, axes);
  std::optional<Elements> from = numbers ? loadElements(attr) : std::nullopt;
  if (!from)
    return nullptr;
  // The same for all batches and heads, as expanded masks are.
  int64_t matrix = shape[2] * shape[3];
  auto isSame = [&](int64_t a, int64_t b) {
    a = (*numbers)[a], b = (*numbers)[b];
    return from->isFloat() ? from->floats[a] == from->floats[b] : from->ints[a] == from->ints[b];
  };
  bool isShared = true;
  for (int64_t i = matrix; isShared && i < static_cast<int64_t>(numbers->size()); ++i)
    isShared = isSame(i, i % matrix);
  if (isShared) {
    shape[0] = shape[1] = 1;
    numbers->resize(matrix);
  }
  Elements to{RankedTensorType::get(shape, from->type.getElementType()), {}, {}};
  to.resize();
  for (auto [i, number] : llvm::enumerate(*numbers))
    to.copy(i, *from, number);
  return ConstantOp::create(builder, attention.getLoc(), to.type, storeElements(to));
}

/// The mask of all queries whose kept rows are the element `mask`; null where it does not
/// follow from the query alone.
Value ProbSparseSite::buildMask(OpBuilder &builder, Element mask, unsigned depth) {
  Element origin = tracer.getOrigin(mask);
  origin.at = tracer.replace(origin.at, top, query);
  if (Value constant = foldMask(builder, origin))
    return constant;
  Location loc = attention.getLoc();
  if (Value rebuilt = tracer.rebuild(builder, loc, origin, {batch, head, query, key}))
    return rebuilt;
  Operation *op = origin.value.getDefiningOp();
  if (!isa_and_nonnull<ElementwiseOpInterface>(op) || depth > kMaxMaskDepth)
    return nullptr;
  IRMapping mapping;
  SmallVector<Dims> shapes;
  SmallVector<ElementsAttr> constants;
  unsigned numSymbols = getNumSymbols(op->getOperandTypes());
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    Value operand = buildMask(builder, tracer.getOperand(op, i, origin.at), depth + 1);
    if (!operand)
      return nullptr;
    numSymbols = std::max(numSymbols, getNumSymbols(operand.getType()));
    mapping.map(op->getOperand(i), operand);
    shapes.push_back(getDims(operand));
    if (ElementsAttr elements = getConstantElements(operand))
      constants.push_back(elements);
  }
  FailureOr<Dims> dims = broadcastDims(shapes, numSymbols);
  if (failed(dims))
    return nullptr;
  Operation *copy = builder.clone(*op, mapping);
  copy->getResult(0).setType(
      getTensorType(*dims, getElementTypeOrSelf(op->getResult(0)), numSymbols));
  if (constants.size() == op->getNumOperands())
    if (DenseElementsAttr value = evaluate(copy, constants)) {
      Value folded = ConstantOp::create(builder, loc, value.getType(), value);
      copy->erase();
      return folded;
    }
  return copy->getResult(0);
}

/// Whether all that the mask does is to hide keys after the query's own.
bool ProbSparseSite::isCausalOnly(OpBuilder &builder, Value rows, Value mask) {
  auto probe = AttentionOp::create(builder, attention.getLoc(), rows, attention.getKey(),
                                   attention.getValue(), mask, Value(), Value(), Value(), Value(),
                                   Value(), attention.getScaleAttr(), UnitAttr(), UnitAttr(),
                                   UnitAttr(), UnitAttr(), UnitAttr(), FloatAttr());
  MaskReader reader(probe);
  bool isCausal =
      reader.read() && reader.isCausal && !reader.isAtEnd && reader.added.empty() &&
      llvm::all_of(reader.fills, [](const MaskFill &fill) {
        return fill.conditions.empty() && (std::isinf(fill.number) || isAbsorbing(fill.number));
      });
  probe.erase();
  return isCausal;
}

/// The product of a constant and a tensor, which is scaled by it.
static std::optional<std::pair<double, unsigned>> getScaled(MulOp op) {
  for (unsigned i : {0u, 1u})
    if (std::optional<double> factor = getScalarConstant(op->getOperand(i));
        factor && *factor > 0 && std::isfinite(*factor) &&
        op->getOperand(1 - i).getType() == op.getType())
      return std::pair(*factor, 1 - i);
  return std::nullopt;
}

std::optional<Refusal> ProbSparseSite::build(std::string &sentence) {
  OpBuilder builder(scatter);
  Location loc = attention.getLoc();
  scale = attention.getScale().convertToDouble();
  if (scale == 1)
    while (auto mul = queryOrigin.value.getDefiningOp<MulOp>()) {
      std::optional<std::pair<double, unsigned>> scaled = getScaled(mul);
      if (!scaled)
        break;
      firstScale *= scaled->first;
      queryOrigin = tracer.getOrigin({mul->getOperand(scaled->second), queryOrigin.at});
    }
  Value rows = tracer.rebuild(builder, loc, queryOrigin, {batch, query, head, element});
  if (!rows)
    return Refusal{"probsparse.measure", "the queries are not laid out by batches and heads"};
  Value numbers = buildTable(builder);
  if (!numbers)
    return Refusal{"probsparse.samples", "expected a table of a row for each query, or of one row"};
  Value mask;
  bool isCausal = false;
  if (attention.getMask()) {
    Positions at = {batch, head, kept, key};
    for (auto [position, dim] : llvm::zip_equal(at, getDims(attention.getMask())))
      if (isConstantDim(dim, 1))
        position = tracer.constant(0);
    mask = buildMask(builder, {attention.getMask(), at});
    if (!mask)
      return Refusal{"probsparse.mask", "the mask of the kept queries is not read from one of all"};
    if (isScalarConstant(mask, getElementTypeOrSelf(mask).isInteger(1) ? 1 : 0))
      mask = nullptr;
    else if (isCausalOnly(builder, rows, mask)) {
      isCausal = true;
      mask = nullptr;
    }
  }
  int64_t count = *getConstantDim(getDims(topk.getIndices())[topk.getAxis()]);
  UnitAttr set = builder.getUnitAttr();
  auto op = ProbSparseAttentionOp::create(
      builder, loc, rows, attention.getKey(), attention.getValue(), numbers, mask,
      builder.getI64IntegerAttr(count), builder.getF32FloatAttr(scale * firstScale),
      firstScale == 1 ? UnitAttr() : set, isCausal ? set : UnitAttr(), isCumSum ? set : UnitAttr(),
      divisor);
  Value result = tracer.arrange(builder, loc, op, {batch, query, head, valueElement}, rowsAt,
                                getDims(scatter->getOperand(0)));
  if (!result)
    return Refusal{"probsparse.rows", "the result is not laid out by batches and heads"};
  scatter->getResult(0).replaceAllUsesWith(
      reshapeTo(builder, loc, result, cast<RankedTensorType>(scatter->getResult(0).getType())));
  Dims sampled = getDims(numbers);
  std::string queries = toString(getDims(rows)[1]), keys = toString(getDims(attention.getKey())[1]);
  sentence = "raised to probsparse_attention: " + std::to_string(count) + " of " + queries +
             " queries are kept by " + toString(sampled.back()) + " of " + keys + " keys, " +
             (sampled.size() == 1 ? "the same for all" : "others for each") + "; the rest are " +
             (isCumSum ? "running sums" : "means") + (isCausal ? ", causal" : "");
  if (queries == std::to_string(count))
    sentence =
        "raised to attention: all " + queries + " queries are kept, whatever the sampled keys are";
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// What a dense attention of some rows may have.
static std::optional<Refusal> checkForm(AttentionOp op) {
  if (op.getQueryOffsets() || op.getKeyOffsets() || op.getSoftcap() || op.getCausal() ||
      op.getNanToZero() || getDims(op.getQuery())[2] != getDims(op.getKey())[2])
    return Refusal{"probsparse.attention", "the kept rows are a form of attention that only exists "
                                           "for all rows"};
  return std::nullopt;
}

namespace {
struct RaiseProbSparse : winnow::impl::RaiseProbSparseBase<RaiseProbSparse> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-probsparse");
    SmallVector<TopKOp> anchors;
    SmallVector<Operation *> scatters;
    getOperation().walk([&](Operation *op) {
      if (auto topk = dyn_cast<TopKOp>(op); topk && isProbSparseChoice(topk))
        anchors.push_back(topk);
      auto isPlain = [](auto scatter) {
        return scatter && scatter.getReduction() == ScatterReduction::None;
      };
      if (isPlain(dyn_cast<ScatterNDOp>(op)) || isPlain(dyn_cast<ScatterElementsOp>(op)))
        scatters.push_back(op);
    });
    for (TopKOp topk : anchors) {
      std::string sentence;
      std::optional<Refusal> refusal = raise(topk, scatters, sentence);
      if (refusal)
        reporter.refused(topk.getLoc(), refusal->code, refusal->sentence);
      else
        reporter.applied(topk.getLoc(), "probsparse.raised", sentence);
    }
    eraseDeadOps(getOperation());
  }

  static std::optional<Refusal> raise(TopKOp topk, ArrayRef<Operation *> scatters,
                                      std::string &sentence) {
    for (Operation *scatter : scatters) {
      if (scatter->use_empty())
        continue;
      ElementTracer tracer(scatter);
      Value updates = scatter->getOperand(2);
      Element origin = tracer.getOrigin({updates, countAll(tracer, updates)});
      auto attention = origin.value.getDefiningOp<AttentionOp>();
      if (!attention)
        continue;
      ProbSparseSite site(scatter, attention);
      if (site.matchQuery() || site.topk != topk)
        continue;
      if (std::optional<Refusal> refusal = checkForm(attention))
        return refusal;
      if (std::optional<Refusal> refusal = site.matchMeasure())
        return refusal;
      if (std::optional<Refusal> refusal = site.matchRows())
        return refusal;
      if (std::optional<Refusal> refusal = site.matchRest())
        return refusal;
      return site.build(sentence);
    }
    return Refusal{"probsparse.attention", "no attention of the rows that the topk chose is "
                                           "scattered over others"};
  }
};
} // namespace

//===- ProbSparse.cpp - A measure, its topk, and attention of those rows --===//
//
// Means or running sums of the values are the result; the attention kernel overwrites the
// rows that the measure chose. Nothing is as large as queries times keys.
//
//===----------------------------------------------------------------------===//

#include "KernelTypes.h"

#include <map>

using namespace mlir;
using namespace winnow;

/// More bytes of keys than these, half of a usual L2 cache, are read by blocks of so many.
static constexpr int64_t kBlockBytes = 1 << 19;
/// Fewer heads, each of which is a thread's then, are not.
static constexpr int64_t kLeastHeads = 4;
/// In how many parts, for as many threads, rows are summed up.
static constexpr int64_t kParts = 8;

/// The numbers of a constant table that all count a key from the first on.
static std::optional<std::vector<int32_t>> getNumbers(ProbSparseAttentionOp op) {
  auto constant = op.getTable().getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : nullptr;
  std::optional<int64_t> keys = getConstantDim(getDims(op.getKey())[1]);
  if (!elements || !keys)
    return std::nullopt;
  std::vector<int32_t> numbers;
  for (const APInt &number : elements.getValues<APInt>()) {
    if (number.isNegative() || number.getSExtValue() >= std::min<int64_t>(*keys, INT32_MAX))
      return std::nullopt;
    numbers.push_back(number.getSExtValue());
  }
  return numbers;
}

static Value createNumbers(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                           ArrayRef<int32_t> numbers) {
  auto type = RankedTensorType::get(shape, b.getI32Type());
  return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, numbers));
}

/// Samples of a query that are taken together.
static constexpr int64_t kGroup = 8;

/// Samples in groups of one query and one block of keys, the blocks one after the other.
struct SampleGroups {
  std::vector<int32_t> numbers; ///< 8 of each; the last one again where there are fewer
  std::vector<int32_t> places;  ///< the query and how many there are
};

static SampleGroups groupByBlocks(ArrayRef<int32_t> numbers, int64_t samples, int64_t block) {
  std::map<int64_t, SampleGroups> blocks;
  for (size_t row = 0; row * samples < numbers.size(); ++row) {
    auto own = numbers.slice(row * samples, samples).vec();
    llvm::sort(own);
    for (size_t begin = 0, end; begin < own.size(); begin = end) {
      int64_t number = own[begin] / block;
      for (end = begin + 1;
           end < own.size() && own[end] / block == number && end - begin < size_t(kGroup);)
        ++end;
      SampleGroups &groups = blocks[number];
      for (size_t i = 0; i < size_t(kGroup); ++i)
        groups.numbers.push_back(own[std::min(begin + i, end - 1)]);
      groups.places.push_back(row);
      groups.places.push_back(end - begin);
    }
  }
  SampleGroups all;
  for (auto &[number, groups] : blocks) {
    llvm::append_range(all.numbers, groups.numbers);
    llvm::append_range(all.places, groups.places);
  }
  return all;
}

namespace {
struct LowerProbSparseAttention : LoweringPattern<ProbSparseAttentionOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ProbSparseAttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getQuery()))
      return widen(op, rewriter);
    Measure measure = createMeasure(op, adaptor, rewriter);
    Value rows = createChoice(op, measure.result, rewriter);
    Value rest = createRest(op, adaptor.getValue(), rewriter);
    SmallVector<Value> inputs = {adaptor.getQuery(), measure.keys, adaptor.getValue()};
    StringRef mask = "none";
    if (op.getMask()) {
      inputs.push_back(repeatAlongKeys(rewriter, op.getLoc(), adaptor.getMask(),
                                       getDims(op.getMask()), getDims(op.getKey())[1]));
      mask = getElementTypeOrSelf(op.getMask()).isInteger(1) ? "bool" : "add";
    }
    inputs.push_back(rows);
    NamedAttribute config[] = {
        rewriter.getNamedAttr("causal", rewriter.getBoolAttr(op.getCausal())),
        rewriter.getNamedAttr("in_place", rewriter.getBoolAttr(true)),
        rewriter.getNamedAttr("key_heads_first", rewriter.getBoolAttr(true)),
        rewriter.getNamedAttr("mask", rewriter.getStringAttr(mask)),
        rewriter.getNamedAttr("query_rows", rewriter.getBoolAttr(true)),
        rewriter.getNamedAttr("scale", op.getScaleAttr())};
    auto kernel = KernelOp::create(
        rewriter, op.getLoc(), TypeRange{rest.getType()}, rewriter.getStringAttr("attention"),
        rewriter.getDictionaryAttr(config), inputs, ValueRange{rest}, IntegerAttr());
    rewriter.replaceOp(op, kernel.getResults());
    return success();
  }

  /// The rows of each head one after the other, [batch, heads, length, head_dim].
  Value putHeadsFirst(Value source, Value converted, ConversionPatternRewriter &rewriter) const {
    auto transpose = source.getDefiningOp<TransposeOp>();
    if (transpose && transpose.getPermutation() == ArrayRef<int64_t>{0, 2, 1, 3})
      return rewriter.getRemappedValue(transpose.getInput());
    Location loc = source.getLoc();
    Dims from = getDims(source), to = {from[0], from[2], from[1], from[3]};
    if (isConstantDim(from[2], 1))
      return createReshape(rewriter, loc, converted, from, to);
    AffineMap map =
        AffineMap::getPermutationMap(ArrayRef<unsigned>{0, 2, 1, 3}, rewriter.getContext());
    return createElementwise(rewriter, loc, to, rewriter.getF32Type(), converted, map,
                             [](OpBuilder &, Location, ValueRange x) { return x[0]; });
  }

  struct Measure {
    Value result; ///< [batch, heads, queries]
    Value keys;   ///< [batch, heads, keys, head_dim]
  };

  /// Sampled keys that lie a row of all heads apart would share a few sets of the caches: the
  /// keys of a head are put together.
  Measure createMeasure(ProbSparseAttentionOp op, OpAdaptor adaptor,
                        ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    Type f32 = rewriter.getF32Type();
    Dims query = getDims(op.getQuery()), key = getDims(op.getKey());
    std::optional<std::vector<int32_t>> numbers = getNumbers(op);
    Value table = adaptor.getTable(), places;
    if (numbers) {
      SmallVector<int64_t> shape(op.getTable().getType().getShape());
      int64_t length = *getConstantDim(key[1]), size = *getConstantDim(query[3]) * sizeof(float);
      if (shape.size() == 2 && length * size > kBlockBytes && getNumHeads(query) >= kLeastHeads) {
        SampleGroups groups =
            groupByBlocks(*numbers, shape[1], std::max<int64_t>(kBlockBytes / size, 1));
        int64_t count = groups.places.size() / 2;
        places = createNumbers(rewriter, loc, {count, 2}, groups.places);
        table = createNumbers(rewriter, loc, {count, kGroup}, groups.numbers);
      } else {
        table = createNumbers(rewriter, loc, shape, *numbers);
      }
    }
    // Queries are read once for each block of keys.
    Value queries =
        places ? putHeadsFirst(op.getQuery(), adaptor.getQuery(), rewriter) : adaptor.getQuery();
    Value keys = putHeadsFirst(op.getKey(), adaptor.getKey(), rewriter);
    SmallVector<Value> inputs = {queries, keys, table};
    SmallVector<Value> outputs = {createEmpty(rewriter, loc, {query[0], query[2], query[1]}, f32)};
    if (places) {
      inputs.push_back(places);
      // The greatest products and the sums, in the lanes in which they were found.
      Dims found = {query[0], query[2], query[1], constantDim(2, op.getContext()),
                    constantDim(kGroup, op.getContext())};
      outputs.push_back(createEmpty(rewriter, loc, found, f32));
    }
    double divisor = op.getDivisor() ? op.getDivisor()->convertToDouble() : 0;
    NamedAttribute config[] = {
        rewriter.getNamedAttr("by_blocks", rewriter.getBoolAttr(bool(places))),
        rewriter.getNamedAttr("divisor", rewriter.getF64FloatAttr(divisor)),
        rewriter.getNamedAttr("in_bounds", rewriter.getBoolAttr(numbers.has_value())),
        rewriter.getNamedAttr("key_heads_first", rewriter.getBoolAttr(true)),
        rewriter.getNamedAttr("query_heads_first", rewriter.getBoolAttr(bool(places))),
        rewriter.getNamedAttr("scale", op.getScaleFirst() ? FloatAttr(op.getScaleAttr())
                                                          : rewriter.getF32FloatAttr(1))};
    int32_t site = state.sites.add(loc, "a sampled key outside of the keys");
    auto kernel = KernelOp::create(
        rewriter, loc, ValueRange(outputs).getTypes(), rewriter.getStringAttr("probsparse_measure"),
        rewriter.getDictionaryAttr(config), inputs, outputs, rewriter.getI32IntegerAttr(site));
    return {kernel.getResult(0), keys};
  }

  /// Of all batches, where their number is known.
  static int64_t getNumHeads(ArrayRef<AffineExpr> query) {
    return *getConstantDim(query[2]) * std::max<int64_t>(getConstantDim(query[0]).value_or(1), 1);
  }

  /// The rows with the greatest measures, [batch, heads, kept].
  Value createChoice(ProbSparseAttentionOp op, Value measure,
                     ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims query = getDims(op.getQuery());
    AffineExpr one = constantDim(1, context), kept = constantDim(op.getKept(), context);
    AffineExpr columns = productDim({query[0], query[2]}, context);
    Dims all = {columns, query[1], one}, some = {columns, kept, one};
    NamedAttribute config[] = {rewriter.getNamedAttr("largest", rewriter.getBoolAttr(true)),
                               rewriter.getNamedAttr("unsigned", rewriter.getBoolAttr(false))};
    SmallVector<Value> inits = {createEmpty(rewriter, loc, some, rewriter.getF32Type()),
                                createEmpty(rewriter, loc, some, rewriter.getI64Type())};
    Value flat = createReshape(rewriter, loc, measure, {query[0], query[2], query[1]}, all);
    auto kernel = KernelOp::create(
        rewriter, loc, ValueRange(inits).getTypes(), rewriter.getStringAttr("topk"),
        rewriter.getDictionaryAttr(config), ValueRange{flat}, inits, IntegerAttr());
    return createReshape(rewriter, loc, kernel.getResult(1), some, {query[0], query[2], kept});
  }

  /// What the rows are that are not chosen, [batch, queries, heads, value_dim].
  Value createRest(ProbSparseAttentionOp op, Value values,
                   ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims dims = getDims(op.getValue()), out = getDims(op.getType());
    Type f32 = rewriter.getF32Type();
    if (op.getCumsum()) {
      Dims flat = splitAtAxis(dims, 1, context);
      NamedAttribute config[] = {rewriter.getNamedAttr("exclusive", rewriter.getBoolAttr(false)),
                                 rewriter.getNamedAttr("reverse", rewriter.getBoolAttr(false))};
      Value sums = createKernel(rewriter, loc, "cumsum", config,
                                createReshape(rewriter, loc, values, dims, flat), flat, f32);
      return createReshape(rewriter, loc, sums, flat, out);
    }
    Dims parts = {dims[0], constantDim(kParts, context), dims[2], dims[3]};
    SmallVector<Value> outputs = {createEmpty(rewriter, loc, out, f32),
                                  createEmpty(rewriter, loc, parts, f32)};
    auto kernel = KernelOp::create(rewriter, loc, ValueRange(outputs).getTypes(),
                                   rewriter.getStringAttr("mean_rows"),
                                   rewriter.getDictionaryAttr({}), values, outputs, IntegerAttr());
    return kernel.getResult(0);
  }
};
} // namespace

void winnow::populateProbSparsePatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                        LoweringState &state) {
  patterns.add<LowerProbSparseAttention>(converter, patterns.getContext(), state);
}

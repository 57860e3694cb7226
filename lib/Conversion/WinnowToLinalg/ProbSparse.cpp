//===- ProbSparse.cpp - A measure, its topk, and attention of those rows --===//
//
// Means or running sums of the values are the result; the attention kernel overwrites the
// rows that the measure chose. Nothing is as large as queries times keys.
//
//===----------------------------------------------------------------------===//

#include "KernelTypes.h"

using namespace mlir;
using namespace winnow;

/// More bytes of keys than these, half of a usual L2 cache, are read by blocks of so many.
static constexpr int64_t kBlockBytes = 1 << 19;

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

/// Sorts the rows of numbers; where those of each block of keys begin in it, and the end.
static std::vector<int32_t> sortByBlocks(std::vector<int32_t> &numbers, int64_t rows, int64_t keys,
                                         int64_t block) {
  int64_t samples = numbers.size() / rows;
  std::vector<int32_t> starts;
  for (int64_t row = 0; row < rows; ++row) {
    auto begin = numbers.begin() + row * samples, end = begin + samples;
    std::sort(begin, end);
    for (int64_t first = 0; first < keys; first += block)
      starts.push_back(std::lower_bound(begin, end, first) - begin);
    starts.push_back(samples);
  }
  return starts;
}

namespace {
struct LowerProbSparseAttention : LoweringPattern<ProbSparseAttentionOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ProbSparseAttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getQuery()))
      return widen(op, rewriter);
    Value keys = createHeadsFirst(op, op.getKey(), adaptor.getKey(), rewriter);
    Value measure = createMeasure(op, adaptor, keys, rewriter);
    Value rows = createChoice(op, measure, rewriter);
    Value rest = createRest(op, adaptor.getValue(), rewriter);
    SmallVector<Value> inputs = {adaptor.getQuery(), keys, adaptor.getValue()};
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

  /// The rows of each head one after the other, [batch, heads, length, head_dim]: sampled
  /// keys that lie a row of all heads apart would share a few sets of the caches.
  Value createHeadsFirst(ProbSparseAttentionOp op, Value source, Value converted,
                         ConversionPatternRewriter &rewriter) const {
    auto transpose = source.getDefiningOp<TransposeOp>();
    if (transpose && transpose.getPermutation() == ArrayRef<int64_t>{0, 2, 1, 3})
      return rewriter.getRemappedValue(transpose.getInput());
    Dims from = getDims(source), to = {from[0], from[2], from[1], from[3]};
    if (isConstantDim(from[2], 1))
      return createReshape(rewriter, op.getLoc(), converted, from, to);
    AffineMap map = AffineMap::getPermutationMap(ArrayRef<unsigned>{0, 2, 1, 3}, op.getContext());
    return createElementwise(rewriter, op.getLoc(), to, rewriter.getF32Type(), converted, map,
                             [](OpBuilder &, Location, ValueRange x) { return x[0]; });
  }

  /// [batch, heads, queries].
  Value createMeasure(ProbSparseAttentionOp op, OpAdaptor adaptor, Value keys,
                      ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    Dims query = getDims(op.getQuery());
    SmallVector<Value> inputs = {adaptor.getQuery(), keys, adaptor.getTable()};
    std::optional<std::vector<int32_t>> numbers = getNumbers(op);
    bool isByBlocks = false;
    if (numbers) {
      SmallVector<int64_t> shape(op.getTable().getType().getShape());
      int64_t length = *getConstantDim(getDims(op.getKey())[1]);
      int64_t size = *getConstantDim(query[3]) * sizeof(float);
      isByBlocks = shape.size() == 2 && length * size > kBlockBytes;
      std::vector<int32_t> starts;
      if (isByBlocks)
        starts = sortByBlocks(*numbers, shape[0], length, std::max<int64_t>(kBlockBytes / size, 1));
      inputs[2] = createNumbers(rewriter, loc, shape, *numbers);
      // Queries are read once for each block of keys.
      if (isByBlocks)
        inputs[0] = createHeadsFirst(op, op.getQuery(), adaptor.getQuery(), rewriter);
      if (isByBlocks)
        inputs.push_back(createNumbers(
            rewriter, loc, {shape[0], static_cast<int64_t>(starts.size()) / shape[0]}, starts));
    }
    double divisor = op.getDivisor() ? op.getDivisor()->convertToDouble() : 0;
    NamedAttribute config[] = {
        rewriter.getNamedAttr("by_blocks", rewriter.getBoolAttr(isByBlocks)),
        rewriter.getNamedAttr("divisor", rewriter.getF64FloatAttr(divisor)),
        rewriter.getNamedAttr("in_bounds", rewriter.getBoolAttr(numbers.has_value())),
        rewriter.getNamedAttr("query_heads_first", rewriter.getBoolAttr(isByBlocks)),
        rewriter.getNamedAttr("scale", op.getScaleFirst() ? FloatAttr(op.getScaleAttr())
                                                          : rewriter.getF32FloatAttr(1))};
    int32_t site = state.sites.add(loc, "a sampled key outside of the keys");
    return createKernel(rewriter, loc, "probsparse_measure", config, inputs,
                        {query[0], query[2], query[1]}, rewriter.getF32Type(), site);
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
    Dims one = {dims[0], dims[2], dims[3]};
    Value zero = arith::ConstantOp::create(rewriter, loc, rewriter.getF32FloatAttr(0));
    Value empty = createEmpty(rewriter, loc, one, f32);
    Value filled = linalg::FillOp::create(rewriter, loc, zero, empty).getResult(0);
    auto of = [&](ArrayRef<unsigned> numbers) {
      return AffineMap::get(
          4, 0,
          llvm::map_to_vector(numbers, [&](unsigned i) { return getAffineDimExpr(i, context); }),
          context);
    };
    SmallVector<utils::IteratorType> iterators(4, utils::IteratorType::parallel);
    iterators[1] = utils::IteratorType::reduction;
    Value sum =
        linalg::GenericOp::create(
            rewriter, loc, TypeRange{filled.getType()}, ValueRange{values}, ValueRange{filled},
            ArrayRef<AffineMap>{of({0, 1, 2, 3}), of({0, 2, 3})}, iterators,
            [&](OpBuilder &b, Location, ValueRange args) {
              linalg::YieldOp::create(b, loc,
                                      arith::AddFOp::create(b, loc, args[1], args[0]).getResult());
            })
            .getResult(0);
    Value count = arith::IndexCastOp::create(rewriter, loc, rewriter.getI64Type(),
                                             getSize(rewriter, loc, dims[1]));
    Value size = arith::SIToFPOp::create(rewriter, loc, f32, count);
    return createElementwise(rewriter, loc, out, f32, sum, of({0, 2, 3}),
                             [&](OpBuilder &b, Location, ValueRange x) -> Value {
                               return arith::DivFOp::create(b, loc, x[0], size);
                             });
  }
};
} // namespace

void winnow::populateProbSparsePatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                        LoweringState &state) {
  patterns.add<LowerProbSparseAttention>(converter, patterns.getContext(), state);
}

//===- ProbSparse.cpp - A measure, its topk, and attention of those rows --===//
//
// Where few of many rows are kept, bounds of the measures come first, and only those rows are
// measured that may be among them: the same ones are chosen. Means or running sums of the values are the result; the attention kernel overwrites the
// rows that the measure chose. Nothing is as large as queries times keys.
//
//===----------------------------------------------------------------------===//

#include "KernelTypes.h"

using namespace mlir;
using namespace winnow;

/// Bounds pay where one row in so many is kept, or fewer, and the keys of a head are more bytes
/// than the L1 cache holds, at least twice as many as their bounds read.
static constexpr int64_t kLeastShare = 12, kLeastBytes = 1 << 17, kLeastSaving = 2;
/// Keys become bytes in as many parts, and rows of bytes are whole vectors of any processor.
static constexpr int64_t kKeyParts = 32, kRowBytes = 64;
/// Samples are read in such groups.
static constexpr int64_t kGroup = 8;
/// Of samples times bytes of a key: more might overflow a sum.
static constexpr int64_t kMostProducts = 60000;
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

/// Rows of samples in whole groups, which the last sample fills up.
static Value createGroups(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                          ArrayRef<int32_t> numbers) {
  int64_t rows = shape[0], samples = shape[1], width = llvm::alignTo(samples, kGroup);
  std::vector<int32_t> groups;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < width; ++i)
      groups.push_back(numbers[row * samples + std::min(i, samples - 1)]);
  return createNumbers(b, loc, {rows, width}, groups);
}

namespace {
struct LowerProbSparseAttention : LoweringPattern<ProbSparseAttentionOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ProbSparseAttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getQuery()))
      return widen(op, rewriter);
    Measure measure = createMeasure(op, adaptor, rewriter);
    Value rows = createTopK(op, measure.result, rewriter)[1];
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
        rewriter.getNamedAttr("key_heads_first", rewriter.getBoolAttr(measure.keyHeadsFirst)),
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
    Value keys;   ///< [batch, heads, keys, head_dim], or else [batch, keys, heads, head_dim]
    bool keyHeadsFirst;
  };

  /// Whether few enough rows are kept of a table that is known.
  static bool isBounded(ProbSparseAttentionOp op, bool hasNumbers) {
    Dims query = getDims(op.getQuery());
    std::optional<int64_t> queries = getConstantDim(query[1]);
    auto type = cast<RankedTensorType>(op.getTable().getType());
    if (!hasNumbers || type.getRank() != 2 || !queries ||
        *queries < kLeastShare * int64_t(op.getKept()) ||
        (op.getScaleFirst() && !(op.getScaleAttr().getValueAsDouble() > 0)))
      return false;
    int64_t size = *getConstantDim(query[3]) * sizeof(float), keys = *getConstantDim(getDims(op.getKey())[1]);
    int64_t bounded = llvm::alignTo(*getConstantDim(query[3]), kRowBytes);
    return keys * size >= kLeastBytes && size >= kLeastSaving * bounded &&
           type.getDimSize(1) * bounded <= kMostProducts;
  }

  /// Where all rows are measured, sampled keys that lie a row of all heads apart would share a few
  /// sets of the caches: the keys of a head are put together.
  Measure createMeasure(ProbSparseAttentionOp op, OpAdaptor adaptor,
                        ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    Dims query = getDims(op.getQuery());
    std::optional<std::vector<int32_t>> numbers = getNumbers(op);
    Value table = adaptor.getTable();
    bool bounded = isBounded(op, numbers.has_value());
    ArrayRef<int64_t> shape = op.getTable().getType().getShape();
    if (bounded)
      table = createGroups(rewriter, loc, shape, *numbers);
    else if (numbers)
      table = createNumbers(rewriter, loc, shape, *numbers);
    Value keys =
        bounded ? adaptor.getKey() : putHeadsFirst(op.getKey(), adaptor.getKey(), rewriter);
    SmallVector<Value> inputs = {adaptor.getQuery(), keys, table};
    if (bounded)
      llvm::append_range(inputs, createBounds(op, inputs, rewriter));
    Value output =
        createEmpty(rewriter, loc, {query[0], query[2], query[1]}, rewriter.getF32Type());
    NamedAttribute config[] = {
        rewriter.getNamedAttr("bounded", rewriter.getBoolAttr(bounded)),
        rewriter.getNamedAttr("divisor", rewriter.getF64FloatAttr(getDivisor(op))),
        rewriter.getNamedAttr("in_bounds", rewriter.getBoolAttr(numbers.has_value())),
        rewriter.getNamedAttr("key_heads_first", rewriter.getBoolAttr(!bounded)),
        rewriter.getNamedAttr("query_heads_first", rewriter.getBoolAttr(false)),
        rewriter.getNamedAttr("samples", rewriter.getI64IntegerAttr(shape.back())),
        rewriter.getNamedAttr("scale", op.getScaleFirst() ? FloatAttr(op.getScaleAttr())
                                                          : rewriter.getF32FloatAttr(1))};
    int32_t site = state.sites.add(loc, "a sampled key outside of the keys");
    auto kernel = KernelOp::create(
        rewriter, loc, TypeRange{output.getType()}, rewriter.getStringAttr("probsparse_measure"),
        rewriter.getDictionaryAttr(config), inputs, ValueRange{output},
        rewriter.getI32IntegerAttr(site));
    return {kernel.getResult(0), keys, !bounded};
  }

  static double getDivisor(ProbSparseAttentionOp op) {
    return op.getDivisor() ? op.getDivisor()->convertToDouble() : 0;
  }

  /// Upper bounds of the measures, [batch, heads, queries], and the greatest lower ones,
  /// [batch, heads, kept].
  SmallVector<Value> createBounds(ProbSparseAttentionOp op, ArrayRef<Value> inputs,
                                  ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Type f32 = rewriter.getF32Type();
    Dims query = getDims(op.getQuery()), key = getDims(op.getKey());
    Dims measures = {query[0], query[2], query[1]};
    int64_t width = llvm::alignTo(*getConstantDim(query[3]), kRowBytes);
    Dims keys = {query[0], query[2], key[1], constantDim(width, context)};
    Dims queries = {query[0], query[2], query[1], constantDim(width, context)};
    Dims ranges = {query[0], constantDim(kKeyParts, context), query[2], constantDim(3, context)};
    Dims facts = {query[0], query[2], constantDim(4, context), query[1]};
    Type i8 = rewriter.getI8Type();
    SmallVector<Value> outputs;
    for (auto [dims, type] : {std::pair(&measures, f32), std::pair(&measures, f32),
                              std::pair(&keys, i8), std::pair(&queries, i8),
                              std::pair(&ranges, f32), std::pair(&facts, f32)})
      outputs.push_back(createEmpty(rewriter, loc, *dims, type));
    NamedAttribute config[] = {
        rewriter.getNamedAttr("divisor", rewriter.getF64FloatAttr(getDivisor(op))),
        rewriter.getNamedAttr("key_heads_first", rewriter.getBoolAttr(false)),
        rewriter.getNamedAttr("query_heads_first", rewriter.getBoolAttr(false)),
        rewriter.getNamedAttr("samples",
                              rewriter.getI64IntegerAttr(op.getTable().getType().getShape()[1]))};
    auto kernel = KernelOp::create(
        rewriter, loc, ValueRange(outputs).getTypes(), rewriter.getStringAttr("probsparse_bounds"),
        rewriter.getDictionaryAttr(config), inputs, outputs, IntegerAttr());
    return {kernel.getResult(1), createTopK(op, kernel.getResult(0), rewriter)[0]};
  }

  /// The greatest measures and their rows, [batch, heads, kept] each.
  SmallVector<Value> createTopK(ProbSparseAttentionOp op, Value measure,
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
    return llvm::map_to_vector(kernel.getResults(), [&](Value result) -> Value {
      return createReshape(rewriter, loc, result, some, {query[0], query[2], kept});
    });
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

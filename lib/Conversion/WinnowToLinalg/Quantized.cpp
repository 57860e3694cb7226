//===- Quantized.cpp - Linear layers of integers as kernels ---------------===//

#include "KernelTypes.h"

#include "winnow/Analysis/GemmSchedule.h"
#include "winnow/Conversion/WeightParts.h"
#include "winnow/Dialect/Winnow/IR/Activations.h"
#include "winnow/Dialect/Winnow/IR/Integers.h"
#include "winnow/Support/PackedWeights.h"

#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace winnow;

/// The least and the greatest number in constants of bytes.
static std::pair<int64_t, int64_t> getRange(ArrayRef<Attribute> parts) {
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (Attribute part : parts) {
    ElementsAttr elements = getPartElements(part);
    auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
    ArrayRef<char> bytes =
        resource ? resource.getData() : cast<DenseElementsAttr>(elements).getRawData();
    bool isUnsigned = elements.getElementType().isUnsignedInteger();
    unsigned bits = elements.getElementType().getIntOrFloatBitWidth();
    for (uint8_t byte : bytes) {
      int64_t value = byte & ((1 << bits) - 1);
      value = isUnsigned ? value : llvm::SignExtend64(value, bits);
      low = std::min(low, value), high = std::max(high, value);
    }
  }
  return {low, high};
}

/// The numbers of a constant of bytes; none for what is computed.
static std::optional<SmallVector<int64_t>> getNumbers(Value value) {
  ElementsAttr elements;
  return matchPattern(value, m_Constant(&elements)) ? getIntegers(elements) : std::nullopt;
}

static Value convert(OpBuilder &b, Location loc, Value value, Type element) {
  Type type = value.getType();
  return CastOp::create(b, loc, getTensorType(getDims(type), element, getNumSymbols(type)), value);
}

/// Bytes less their zero, which may be null, in 32 bits.
static Value center(OpBuilder &b, Location loc, Value value, Value zero) {
  value = convert(b, loc, value, b.getI32Type());
  return zero ? SubOp::create(b, loc, value, convert(b, loc, zero, b.getI32Type())) : value;
}

namespace {
struct LowerQuantizeRows : LoweringPattern<QuantizeRowsOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(QuantizeRowsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims dims = getDims(op.getInput()), rows = getRowDims(dims, context);
    Type i8 = rewriter.getI8Type();
    SmallVector<Value> inits = {createEmpty(rewriter, loc, rows, i8),
                                createEmpty(rewriter, loc, {rows.front()}, rewriter.getF32Type()),
                                createEmpty(rewriter, loc, {rows.front()}, i8)};
    SmallVector<Value> inputs = {createReshape(rewriter, loc, adaptor.getInput(), dims, rows)};
    SmallVector<NamedAttribute> config;
    if (op.getFactors()) {
      inputs.push_back(adaptor.getFactors());
      config.push_back(rewriter.getNamedAttr("factors", rewriter.getBoolAttr(true)));
    }
    auto kernel = KernelOp::create(rewriter, loc, ValueRange(inits).getTypes(),
                                   rewriter.getStringAttr("quantize_rows"),
                                   rewriter.getDictionaryAttr(config), inputs, inits, IntegerAttr());
    SmallVector<Value> results;
    for (auto [result, from] : llvm::zip(kernel.getResults(), op.getResults())) {
      Dims own = results.empty() ? rows : Dims{rows.front()};
      results.push_back(createReshape(rewriter, loc, result, own, getDims(from)));
    }
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct LowerQuantizedLinear : LoweringPattern<QuantizedLinearOp> {
  using LoweringPattern::LoweringPattern;

  /// How the weight's numbers are stored: less `shift`, as signed bytes; what is left of its
  /// zeros then.
  struct Storage {
    SmallVector<Attribute> parts;
    int64_t shift = 0;
    SmallVector<int32_t> zeros = {}; ///< empty where all are 0
  };

  static std::optional<Storage> chooseStorage(QuantizedLinearOp op, int64_t n) {
    std::optional<SmallVector<Attribute>> parts = getConstantParts(op);
    SmallVector<int64_t> zeros(n, 0);
    if (Value zero = op.getWeightZero()) {
      std::optional<SmallVector<int64_t>> numbers = getNumbers(zero);
      if (!numbers || numbers->empty())
        return std::nullopt;
      for (auto [i, number] : llvm::enumerate(zeros))
        number = (*numbers)[numbers->size() == 1 ? 0 : i];
    }
    if (!parts)
      return std::nullopt;
    Storage storage{*parts};
    bool isUnsigned = getElementTypeOrSelf(op.getWeight()).isUnsignedInteger();
    storage.shift = isUnsigned ? 128 : 0;
    if (n > 0 && llvm::all_equal(zeros) && zeros[0] != storage.shift) {
      auto [low, high] = getRange(*parts);
      if (low - zeros[0] >= INT8_MIN && high - zeros[0] <= INT8_MAX)
        storage.shift = zeros[0];
    }
    if (llvm::any_of(zeros, [&](int64_t zero) { return zero != storage.shift; }))
      for (int64_t zero : zeros)
        storage.zeros.push_back(zero - storage.shift);
    return storage;
  }

  /// How many bits each number takes in the file, and whether blocks have multipliers there.
  struct Packing {
    int64_t bits;
    bool multiplied;
  };

  /// The fewest bits that hold the numbers; a thread of a GPU takes bytes one by one.
  Packing choosePacking(ArrayRef<Attribute> parts, DictionaryAttr layout) const {
    if (state.level.lanes(4) == 1)
      return {8, false};
    bool fitsFour = true, fitsBlocks = true, fitsSix = true;
    SmallVector<int8_t> numbers;
    for (const BytePart &part : readByteParts(parts, layout))
      for (int64_t column = 0; column < part.n && (fitsBlocks || fitsSix); ++column) {
        part.getColumn(column, numbers);
        auto fits = [&](int64_t bound) {
          return llvm::all_of(numbers, [&](int8_t number) { return number >= -bound && number < bound; });
        };
        fitsSix = fitsSix && fits(32);
        fitsFour = fitsFour && fits(8);
        for (ArrayRef<int8_t> rest = numbers; !rest.empty() && fitsBlocks;) {
          fitsBlocks = findMultiplier(rest.take_front(kRoundingBlock));
          rest = rest.drop_front(std::min<size_t>(kRoundingBlock, rest.size()));
        }
      }
    return fitsFour ? Packing{4, false} : fitsBlocks ? Packing{4, true} : Packing{fitsSix ? 6 : 8, false};
  }

  /// (low - zero) scale, of which `zeros` are the numbers if they are constant. Made once, in the file,
  /// where it can be.
  static Value createShift(OpBuilder &b, QuantizedLinearOp op,
                           const std::optional<SmallVector<int64_t>> &zeros, int64_t low) {
    Location loc = op.getLoc();
    Value scale = op.getScale(), zero = op.getWeightZero();
    auto type = cast<RankedTensorType>(scale.getType());
    ElementsAttr constant;
    if (zeros && matchPattern(scale, m_Constant(&constant))) {
      SmallVector<char> bytes;
      llvm::raw_svector_ostream os(bytes);
      writeWeightPart(constant, os);
      if (int64_t(bytes.size()) == type.getNumElements() * 4 &&
          (zeros->size() == 1 || int64_t(zeros->size()) == type.getNumElements())) {
        std::vector<float> shifts(type.getNumElements());
        std::memcpy(shifts.data(), bytes.data(), bytes.size());
        for (auto [i, shift] : llvm::enumerate(shifts))
          shift *= float(low - (*zeros)[zeros->size() == 1 ? 0 : i]);
        return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, ArrayRef<float>(shifts)));
      }
    }
    auto lowest = RankedTensorType::get({}, b.getF32Type());
    Value shift =
        ConstantOp::create(b, loc, lowest, DenseElementsAttr::get(lowest, b.getF32FloatAttr(low)));
    if (zero) {
      auto zeroType = RankedTensorType::get(cast<RankedTensorType>(zero.getType()).getShape(), b.getF32Type());
      shift = SubOp::create(b, loc, shift, CastOp::create(b, loc, zeroType, zero));
    }
    return MulOp::create(b, loc, shift, scale);
  }

  /// A kernel that unpacks numbers of 4 bits, if they all fit, or of 8; or that multiplies them by
  /// rounded inputs as integers, where the op allows it.
  LogicalResult lowerUnpacked(QuantizedLinearOp op, OpAdaptor adaptor,
                              ConversionPatternRewriter &rewriter) const {
    Dims in = getDims(op.getInput()), out = getDims(op.getType());
    std::optional<int64_t> k = getConstantDim(in.back()), n = getConstantDim(out.back());
    std::optional<SmallVector<Attribute>> parts = getConstantParts(op);
    if (!k || !n || *k == 0 || !parts)
      return lowerGeneral(op, rewriter);
    auto [low, high] = getRange(*parts);
    int64_t bits = high - low < 16 ? 4 : 8, perWord = 32 / bits;
    int64_t block = op.getBlockSize().value_or(*k), blocks = llvm::divideCeil(*k, block);
    if (blocks > 1 && block % perWord)
      return lowerGeneral(op, rewriter);
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims rows = getRowDims(in, context), outRows = getRowDims(out, context);
    Type f32 = rewriter.getF32Type();
    int64_t width = chooseLinearPanel(state.level, *n, Product::Unpacked);
    auto panels = RankedTensorType::get({static_cast<int64_t>(llvm::divideCeil(*n, width)),
                                         static_cast<int64_t>(llvm::divideCeil(*k, perWord)), width},
                                        rewriter.getI32Type());
    auto named = [&](StringRef name, Attribute value) { return rewriter.getNamedAttr(name, value); };
    auto number = [&](int64_t value) { return rewriter.getI64IntegerAttr(value); };
    // The least number is stored as 0.
    auto layout = rewriter.getDictionaryAttr(
        {named("bias", number(0)), named("bits", number(bits)), named("k", number(*k)),
         named("kind", rewriter.getStringAttr("word_panels")),
         named("multiplied", rewriter.getBoolAttr(false)), named("n", number(*n)),
         named("nr", number(width)), named("shift", number(low)),
         named("transposed", rewriter.getBoolAttr(op.getTransposeWeight()))});
    int64_t weight = state.weights.add(*parts, layout, panels.getNumElements() * 4);
    auto type = RankedTensorType::get({blocks, *n}, f32);
    auto broadcast = [&](Value value) -> Value {
      return value.getType() == type ? value : BroadcastToOp::create(rewriter, loc, type, value);
    };
    SmallVector<Value> inputs = {createReshape(rewriter, loc, adaptor.getInput(), in, rows),
                                 state.weights.read(rewriter, loc, weight, panels),
                                 rewriter.getRemappedValue(broadcast(op.getScale()))};
    // The zero of what is stored, where it is one for all.
    std::optional<SmallVector<int64_t>> zeros = SmallVector<int64_t>{0};
    if (op.getWeightZero())
      zeros = getNumbers(op.getWeightZero());
    bool hasOneZero = zeros && !zeros->empty() && llvm::all_equal(*zeros) && zeros->front() >= low;
    if (!hasOneZero)
      inputs.push_back(rewriter.getRemappedValue(broadcast(createShift(rewriter, op, zeros, low))));
    if (op.getBias())
      inputs.push_back(adaptor.getBias());
    if (op.getResidual())
      inputs.push_back(createReshape(rewriter, loc, adaptor.getResidual(), out, outRows));
    SmallVector<NamedAttribute> config = {
        named("activation", rewriter.getStringAttr(stringifyActivation(op.getActivation()))),
        named("bias", rewriter.getBoolAttr(bool(op.getBias()))),
        named("bits", number(bits)),
        named("block", number(block)),
        named("k", number(*k)),
        named("n", number(*n)),
        named("residual", rewriter.getBoolAttr(bool(op.getResidual())))};
    if (hasOneZero)
      config.push_back(named("zero", number(zeros->front() - low)));
    if (!op.getRoundInput() || state.level.lanes(4) == 1) {
      Value result = createKernel(rewriter, loc, "unpacked_linear", config, inputs, outRows, f32);
      rewriter.replaceOp(op, createReshape(rewriter, loc, result, outRows, out));
      return success();
    }
    // The rounded input, the scale of each of its blocks and the sum of its numbers.
    AffineExpr count = constantDim(blocks, context);
    AffineExpr padded = constantDim(llvm::alignTo(blocks > 1 ? blocks * block : *k, kInputStep), context);
    SmallVector<Value> inits = {
        createEmpty(rewriter, loc, {rows.front(), padded}, rewriter.getI8Type()),
        createEmpty(rewriter, loc, {rows.front(), count}, f32),
        createEmpty(rewriter, loc, {rows.front(), count}, rewriter.getI32Type()),
        createEmpty(rewriter, loc, outRows, f32)};
    auto kernel = KernelOp::create(rewriter, loc, ValueRange(inits).getTypes(),
                                   rewriter.getStringAttr("rounded_linear"),
                                   rewriter.getDictionaryAttr(config), inputs, inits, IntegerAttr());
    rewriter.replaceOp(op, createReshape(rewriter, loc, kernel.getResults().back(), outRows, out));
    return success();
  }

  /// Rounded inputs are written by whole vectors of any level.
  static constexpr int64_t kInputStep = 16;

  LogicalResult matchAndRewrite(QuantizedLinearOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (isF32(op.getInput()))
      return lowerUnpacked(op, adaptor, rewriter);
    Dims in = getDims(op.getInput()), out = getDims(op.getType());
    std::optional<int64_t> k = getConstantDim(in.back()), n = getConstantDim(out.back());
    std::optional<Storage> storage = k && n ? chooseStorage(op, *n) : std::nullopt;
    if (!storage)
      return lowerGeneral(op, rewriter);
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims rows = getRowDims(in, context), outRows = getRowDims(out, context);
    Dims one = {constantDim(1, context)}, count = {rows.front()};
    Type i8 = rewriter.getI8Type(), i32 = rewriter.getI32Type();
    auto named = [&](StringRef name, Attribute value) { return rewriter.getNamedAttr(name, value); };
    auto number = [&](int64_t value) { return rewriter.getI64IntegerAttr(value); };

    int64_t width = chooseLinearPanel(state.level, *n, Product::Integer);
    int64_t numPanels = llvm::divideCeil(*n, width);
    auto layout = [&](StringRef kind, ArrayRef<NamedAttribute> more = {}) {
      SmallVector<NamedAttribute> entries = {
          named("k", number(*k)), named("kind", rewriter.getStringAttr(kind)), named("n", number(*n)),
          named("nr", number(width)), named("shift", number(storage->shift)),
          named("transposed", rewriter.getBoolAttr(op.getTransposeWeight()))};
      llvm::append_range(entries, more);
      return rewriter.getDictionaryAttr(entries);
    };
    Packing packing = choosePacking(storage->parts, layout("bytes"));
    PackedWeights packed(packing.bits);
    NamedAttribute words[] = {named("bias", number(packed.bias())), named("bits", number(packing.bits)),
                              named("multiplied", rewriter.getBoolAttr(packing.multiplied))};
    int64_t depth = llvm::divideCeil(*k, packed.groupSize()) * packed.groupWords();
    RankedTensorType panels = packing.bits == 8
                                  ? RankedTensorType::get({numPanels, depth, width * 4}, i8)
                                  : RankedTensorType::get({numPanels, depth, width}, i32);
    int64_t weight = state.weights.add(storage->parts, layout("word_panels", words), numPanels * depth * width * 4);
    int64_t sums = state.weights.add(storage->parts, layout("column_sums"), *n * 4);
    SmallVector<Value> inputs = {
        createReshape(rewriter, loc, adaptor.getInput(), in, rows),
        state.weights.read(rewriter, loc, weight, panels)};
    if (packing.multiplied) {
      int64_t blocks = llvm::divideCeil(*k, kRoundingBlock);
      auto type = RankedTensorType::get({numPanels, blocks, width}, i8);
      int64_t entry = state.weights.add(storage->parts, layout("multipliers"), type.getNumElements());
      inputs.push_back(state.weights.read(rewriter, loc, entry, type));
    }
    inputs.push_back(state.weights.read(rewriter, loc, sums, RankedTensorType::get({*n}, i32)));
    inputs.push_back(createVector(rewriter, loc, op.getScale(), adaptor.getScale()));
    if (op.getZero())
      inputs.push_back(createVector(rewriter, loc, op.getZero(), adaptor.getZero()));
    if (op.getRowScale())
      inputs.push_back(createVector(rewriter, loc, op.getRowScale(), adaptor.getRowScale()));
    if (!storage->zeros.empty()) {
      auto wideType = getTensorType(in, i32, getNumSymbols(op.getInput().getType()));
      Value wide = CastOp::create(rewriter, loc, wideType, op.getInput());
      SmallVector<int64_t> last = {static_cast<int64_t>(in.size()) - 1};
      Value sum = ReduceOp::create(rewriter, loc, ReduceKind::Sum, wide, last, /*keepdims=*/false);
      Dims sumDims = getDims(sum);
      Value plain = rewriter.getRemappedValue(sum);
      inputs.push_back(createReshape(rewriter, loc, plain, sumDims, count));
      auto type = RankedTensorType::get({*n}, i32);
      inputs.push_back(arith::ConstantOp::create(
          rewriter, loc, DenseElementsAttr::get(type, ArrayRef(storage->zeros))));
    }
    if (op.getBias())
      inputs.push_back(adaptor.getBias());
    if (op.getResidual())
      inputs.push_back(createReshape(rewriter, loc, adaptor.getResidual(), out, outRows));
    auto flag = [&](StringRef name, bool value) { return named(name, rewriter.getBoolAttr(value)); };
    NamedAttribute config[] = {
        named("activation", rewriter.getStringAttr(stringifyActivation(op.getActivation()))),
        flag("bias", bool(op.getBias())),
        named("bits", number(packing.bits)),
        named("k", number(*k)),
        flag("multipliers", packing.multiplied),
        named("n", number(*n)),
        flag("residual", bool(op.getResidual())),
        flag("row_scale", bool(op.getRowScale())),
        flag("signed", !getElementTypeOrSelf(op.getInput()).isUnsignedInteger()),
        flag("weight_zero", !storage->zeros.empty()),
        flag("zero", bool(op.getZero()))};
    Value result = createKernel(rewriter, loc, "quantized_linear", config, inputs, outRows,
                                rewriter.getF32Type());
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, outRows, out));
    return success();
  }

  /// One value, or one for each row or column, as a vector.
  static Value createVector(OpBuilder &b, Location loc, Value original, Value converted) {
    Dims dims = getDims(original);
    return createReshape(b, loc, converted, dims, {productDim(dims, original.getContext())});
  }

  /// A weight that is computed: the same maths as separate winnow ops, which are lowered
  /// in turn.
  static LogicalResult lowerGeneral(QuantizedLinearOp op, ConversionPatternRewriter &rewriter) {
    Location loc = op.getLoc();
    Value weight = op.getWeight(), scale = op.getScale(), zero = op.getWeightZero(), result;
    if (op.getTransposeWeight())
      weight = TransposeOp::create(rewriter, loc, weight, ArrayRef<int64_t>{1, 0});
    if (isF32(op.getInput())) {
      Dims dims = getDims(weight);
      unsigned numSymbols = getNumSymbols(weight.getType());
      // One parameter for each number of a block.
      auto spread = [&](Value value) -> Value {
        if (!value || !op.getBlockSize())
          return value;
        AffineExpr block = constantDim(*op.getBlockSize(), op.getContext());
        AffineExpr blocks = getDims(value)[0];
        Type element = getElementTypeOrSelf(value);
        auto typeOf = [&](ArrayRef<AffineExpr> dims) { return getTensorType(dims, element, numSymbols); };
        value = ReshapeOp::create(rewriter, loc, typeOf({blocks, constantDim(1, op.getContext()), dims[1]}), value);
        value = BroadcastToOp::create(rewriter, loc, typeOf({blocks, block, dims[1]}), value);
        Dims all = {normalizeDim(blocks * block), dims[1]};
        value = ReshapeOp::create(rewriter, loc, typeOf(all), value);
        SmallVector<int64_t> rows(*getConstantDim(dims[0]));
        std::iota(rows.begin(), rows.end(), 0);
        auto type = RankedTensorType::get({static_cast<int64_t>(rows.size())}, rewriter.getI64Type());
        Value index = ConstantOp::create(rewriter, loc, type, DenseElementsAttr::get(type, ArrayRef(rows)));
        return GatherOp::create(rewriter, loc, value, index, 0);
      };
      weight = convert(rewriter, loc, center(rewriter, loc, weight, spread(zero)), rewriter.getF32Type());
      weight = MulOp::create(rewriter, loc, weight, spread(scale));
      result = MatMulOp::create(rewriter, loc, op.getInput(), weight);
    } else {
      result = MatMulOp::create(rewriter, loc, center(rewriter, loc, op.getInput(), op.getZero()),
                                center(rewriter, loc, weight, zero));
      if (op.getRowScale())
        scale = MulOp::create(rewriter, loc, op.getRowScale(), scale);
      result = MulOp::create(rewriter, loc, convert(rewriter, loc, result, rewriter.getF32Type()), scale);
    }
    if (op.getBias())
      result = AddOp::create(rewriter, loc, result, op.getBias());
    result = createActivation(rewriter, loc, result, op.getActivation(), RationalAttr());
    if (op.getResidual())
      result = AddOp::create(rewriter, loc, result, op.getResidual());
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct LowerQuantizedMatMul : LoweringPattern<QuantizedMatMulOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(QuantizedMatMulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims lhs = getDims(op.getLhs()), rhs = getDims(op.getRhs()), out = getDims(op.getType());
    auto getBatch = [](ArrayRef<AffineExpr> dims) { return Dims(dims.begin(), dims.end() - 2); };
    Dims batch = getBatch(out), rhsBatch = getBatch(rhs);
    bool isShared = llvm::all_of(rhsBatch, [](AffineExpr dim) { return isConstantDim(dim, 1); });
    // The kernel takes one batch dimension, and one right matrix for all batches.
    if (state.level.lanes(4) == 1 || getBatch(lhs) != batch || (rhsBatch != batch && !isShared))
      return lowerGeneral(op, rewriter);
    AffineExpr batches = productDim(batch, context), m = out[out.size() - 2];
    if (isShared)
      m = batches * m, batches = constantDim(1, context);
    auto flatten = [&](ArrayRef<AffineExpr> dims, AffineExpr rows) { return Dims{batches, rows, dims.back()}; };
    Dims outDims = flatten(out, m);
    SmallVector<Value> inputs = {
        createReshape(rewriter, loc, adaptor.getLhs(), lhs, flatten(lhs, m)),
        createReshape(rewriter, loc, adaptor.getRhs(), rhs, flatten(rhs, rhs[rhs.size() - 2])),
        createReshape(rewriter, loc, adaptor.getScale(), Dims(), {constantDim(1, context)})};
    // The kernel multiplies unsigned bytes of the left with signed ones of the right.
    auto isUnsigned = [](Value value) { return getElementTypeOrSelf(value).isUnsignedInteger(); };
    bool flipA = !isUnsigned(op.getLhs()), flipB = isUnsigned(op.getRhs());
    bool hasA = addZero(op, op.getZero(), flipA ? 128 : 0, inputs, rewriter);
    bool hasB = addZero(op, op.getRhsZero(), flipB ? -128 : 0, inputs, rewriter);
    auto flag = [&](StringRef name, bool value) {
      return rewriter.getNamedAttr(name, rewriter.getBoolAttr(value));
    };
    NamedAttribute config[] = {flag("a_zero", hasA), flag("b_zero", hasB), flag("flip_a", flipA),
                               flag("flip_b", flipB), flag("transpose_b", op.getTransposeRhs())};
    Value result = createKernel(rewriter, loc, "quantized_matmul", config, inputs, outDims, rewriter.getF32Type());
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, outDims, out));
    return success();
  }

private:
  /// Appends a zero that its operand's flipping moved by `shift`, as [1] of i32; says whether it is
  /// anything but 0.
  static bool addZero(QuantizedMatMulOp op, Value zero, int64_t shift, SmallVectorImpl<Value> &inputs,
                      ConversionPatternRewriter &rewriter) {
    Location loc = op.getLoc();
    auto one = RankedTensorType::get({1}, rewriter.getI32Type()), scalar = RankedTensorType::get({}, rewriter.getI32Type());
    std::optional<SmallVector<int64_t>> known = SmallVector<int64_t>{0};
    if (zero)
      known = getNumbers(zero);
    if (known) {
      int32_t number = (*known)[0] + shift;
      if (number != 0)
        inputs.push_back(arith::ConstantOp::create(rewriter, loc, DenseElementsAttr::get(one, number)));
      return number != 0;
    }
    Value number = CastOp::create(rewriter, loc, scalar, zero);
    if (shift) {
      auto constant = DenseElementsAttr::get(scalar, static_cast<int32_t>(shift));
      number = AddOp::create(rewriter, loc, number, ConstantOp::create(rewriter, loc, scalar, constant));
    }
    inputs.push_back(createReshape(rewriter, loc, rewriter.getRemappedValue(number), Dims(),
                                   {constantDim(1, op.getContext())}));
    return true;
  }

  /// The same maths as separate winnow ops, which are lowered in turn.
  static LogicalResult lowerGeneral(QuantizedMatMulOp op, ConversionPatternRewriter &rewriter) {
    Location loc = op.getLoc();
    Value rhs = op.getRhs();
    if (op.getTransposeRhs()) {
      SmallVector<int64_t> permutation(getDims(rhs).size());
      std::iota(permutation.begin(), permutation.end(), 0);
      std::swap(permutation.back(), permutation[permutation.size() - 2]);
      rhs = TransposeOp::create(rewriter, loc, rhs, permutation);
    }
    Value sum = MatMulOp::create(rewriter, loc, center(rewriter, loc, op.getLhs(), op.getZero()),
                                 center(rewriter, loc, rhs, op.getRhsZero()));
    sum = convert(rewriter, loc, sum, rewriter.getF32Type());
    rewriter.replaceOpWithNewOp<MulOp>(op, sum, op.getScale());
    return success();
  }
};
} // namespace

void winnow::populateQuantizedPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                       LoweringState &state) {
  patterns.add<LowerQuantizeRows, LowerQuantizedLinear, LowerQuantizedMatMul>(converter, patterns.getContext(), state);
}

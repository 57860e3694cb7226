//===- AttentionBuilder.cpp - Attention as Conversion declares it ---------===//

#include "Attention.h"
#include "Builders.h"
#include "RowCopy.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::gpu {

namespace {

/// The operands of a declaration, in its order.
struct Declared {
  std::optional<Operand> query, key, value, mask, pastKey, pastValue, out;
  Value queryPositions, keyPositions, queryOffsets, keyOffsets, keyLengths;
  bool keyHeadsFirst, valueHeadsFirst;

  static std::optional<Declared> parse(const KernelContext &context, AttentionConfig &config);
};

} // namespace

std::optional<Declared> Declared::parse(const KernelContext &context, AttentionConfig &config) {
  Declared result;
  SmallVector<Value> arguments(context.arguments);
  bool past = context.flag("past");
  bool isBoolean = config.mask == MaskKind::Boolean, masked = config.mask != MaskKind::None;
  bool queryPacked = config.queryPacked, keyPacked = config.keyPacked;
  if (arguments.size() != size_t(4 + masked + queryPacked + 2 * keyPacked +
                                 (masked && queryPacked) + (masked && keyPacked) + 2 * past) ||
      (past && keyPacked))
    return std::nullopt;
  // With a past, keys and values are results.
  if (past)
    std::rotate(arguments.begin() + 1, arguments.end() - 3, arguments.end() - 1);
  result.query = Operand::get(arguments[0], 4);
  result.key = Operand::get(arguments[1], 4);
  result.value = Operand::get(arguments[2], 4);
  result.out = Operand::get(arguments.back(), 4);
  if (!result.query || !result.key || !result.value || !result.out)
    return std::nullopt;
  unsigned next = 3;
  if (masked) {
    MLIRContext *types = context.config.getContext();
    result.mask = Operand::get(arguments[next++], 4,
                               isBoolean ? Type(IntegerType::get(types, 1))
                                         : Type(Float32Type::get(types)));
    if (!result.mask)
      return std::nullopt;
  }
  for (auto [isThere, into] : {std::pair(masked && queryPacked, &result.queryPositions),
                               {masked && keyPacked, &result.keyPositions},
                               {queryPacked, &result.queryOffsets},
                               {keyPacked, &result.keyOffsets},
                               {keyPacked, &result.keyLengths}})
    if (isThere) {
      *into = arguments[next++];
      // Read as they are, one after the other.
      auto type = dyn_cast<MemRefType>(into->getType());
      if (!type || type.getRank() != 1 || !type.getElementType().isInteger(64) ||
          !type.getLayout().isIdentity())
        return std::nullopt;
    }
  if (past) {
    result.pastKey = Operand::get(arguments[next++], 4);
    result.pastValue = Operand::get(arguments[next++], 4);
    if (!result.pastKey || !result.pastValue)
      return std::nullopt;
  }
  result.keyHeadsFirst = context.flag("key_heads_first");
  result.valueHeadsFirst = context.flag("value_heads_first");
  return result;
}

BuiltLaunches buildAttention(ImplicitLocOpBuilder &host, const KernelContext &context) {
  auto decline = std::optional<SmallVector<KernelLaunch>>();
  AttentionConfig config;
  config.precision = context.precision;
  StringRef maskName = context.string("mask", "none");
  config.mask = maskName == "bool"  ? MaskKind::Boolean
                : maskName == "add" ? MaskKind::Additive
                                    : MaskKind::None;
  config.queryPacked = context.flag("query_packed");
  config.keyPacked = context.flag("key_packed");
  config.causal = context.flag("causal");
  config.causalAtEnd = context.flag("causal_at_end");
  config.causalLowest = context.flag("causal_lowest");
  config.causalAddsLowest = context.flag("causal_adds_lowest");
  config.nanToZero = context.flag("nan_to_zero");
  std::optional<double> scale = context.real("scale"), softcap = context.real("softcap");
  config.softcap = bool(softcap);
  if (!scale || context.flag("query_rows") ||
      (maskName != "none" && config.mask == MaskKind::None))
    return decline;
  std::optional<Declared> declared = Declared::parse(context, config);
  if (!declared)
    return decline;
  auto &[query, key, value, mask, pastKey, pastValue, out, queryPositions, keyPositions, queryOffsets, keyOffsets,
         keyLengths, keyHeadsFirst, valueHeadsFirst] = *declared;
  int64_t heads = query->extent(2), keyHeads = key->extent(keyHeadsFirst ? 1 : 2);
  config.headSize = query->extent(3);
  config.valueSize = value->extent(3);
  // Sums of wider values do not fit a thread's registers.
  constexpr int64_t kWidest = 256;
  for (int64_t extent : {heads, keyHeads, config.headSize, config.valueSize})
    if (ShapedType::isDynamic(extent) || extent <= 0)
      return decline;
  if (heads % keyHeads || config.headSize > kWidest || config.valueSize > kWidest ||
      key->extent(3) != config.headSize || !chooseAttentionTile(config, context.chip))
    return decline;
  config.queryBytes = 4 * query->multiple();
  config.keyBytes = 4 * key->multiple();
  config.valueBytes = 4 * value->multiple();
  config.storeWidth = divisor(config.valueSize, std::min<int64_t>(2, out->multiple()));
  config.maskHasRows = mask && mask->extent(2) != 1;

  auto i32 = [&](int64_t number) -> Value {
    return arith::ConstantOp::create(host, host.getI32IntegerAttr(number));
  };
  auto index = [&](int64_t number) -> Value { return arith::ConstantIndexOp::create(host, number); };
  auto f32 = [&](double number) -> Value {
    return arith::ConstantOp::create(host, host.getF32FloatAttr(number));
  };
  // Batch, row and head.
  auto strides = [&](Value (&into)[3], const Operand &operand, bool headsFirst) {
    into[0] = getStride(host, operand.memref, 0);
    into[1] = getStride(host, operand.memref, headsFirst ? 2 : 1);
    into[2] = getStride(host, operand.memref, headsFirst ? 1 : 2);
  };
  AttentionOperands o;
  o.query = getAddress(host, query->memref);
  o.key = getAddress(host, key->memref);
  o.value = getAddress(host, value->memref);
  o.out = getAddress(host, out->memref);
  for (auto [from, into] :
       {std::pair(queryPositions, &o.queryPositions), {keyPositions, &o.keyPositions},
        {queryOffsets, &o.queryOffsets}, {keyOffsets, &o.keyOffsets}, {keyLengths, &o.keyLengths}})
    if (from)
      *into = getAddress(host, from);
  strides(o.queryStrides, *query, false);
  strides(o.keyStrides, *key, keyHeadsFirst);
  strides(o.valueStrides, *value, valueHeadsFirst);
  strides(o.outStrides, *out, false);
  if (mask) {
    o.mask = getAddress(host, mask->memref);
    o.maskBatches = toI32(host, getExtent(host, mask->memref, 0));
    o.maskHeads = toI32(host, getExtent(host, mask->memref, 1));
    for (int64_t dim = 0; dim < 3; ++dim)
      o.maskStrides[dim] = getStride(host, mask->memref, dim);
  }
  Value rows = getExtent(host, query->memref, 1), batch = getExtent(host, query->memref, 0);
  Value blocks, sequences = batch;
  if (config.queryPacked) {
    sequences = host.createOrFold<arith::SubIOp>(getExtent(host, queryOffsets, 0), index(1));
    blocks = host.createOrFold<arith::DivUIOp>(rows, index(config.rows));
    blocks = host.createOrFold<arith::AddIOp>(blocks, sequences);
  } else {
    blocks = host.createOrFold<arith::CeilDivUIOp>(rows, index(config.rows));
  }
  o.queries = toI32(host, rows);
  o.keyCount = toI32(host, getExtent(host, key->memref, keyHeadsFirst ? 2 : 1));
  o.heads = i32(heads);
  o.headsPerKey = i32(heads / keyHeads);
  o.blocks = toI32(host, blocks);
  o.sequences = toI32(host, sequences);
  double unit = config.foldsLog2E() ? llvm::numbers::log2e : 1;
  o.factor = f32(config.softcap ? *scale / *softcap : *scale * unit);
  if (config.softcap)
    o.cap = f32(*softcap * unit);

  Value count = host.createOrFold<arith::MulIOp>(blocks, index(heads));
  if (!config.queryPacked)
    count = host.createOrFold<arith::MulIOp>(count, batch);
  auto launch = [&](const AttentionConfig &config, Value count) {
    KernelLaunch result;
    result.kernel = config.describe();
    mlir::gpu::GPUModuleOp device = context.device;
    if (!device.lookupSymbol(result.kernel))
      emitAttention(device, context.loc, config, result.kernel);
    result.grid = {count, index(1), index(1)};
    result.block = {static_cast<int32_t>(config.threads()), 1, 1};
    result.sharedBytes = config.sharedBytes();
    for (auto [field, type] : o.fields(host.getContext(), config))
      result.arguments.push_back(*field);
    return result;
  };
  SmallVector<KernelLaunch> launches;
  // A cache that grows: its past is copied before.
  if (pastKey) {
    launches.push_back(launchRowCopy(host, context, *pastKey, *key));
    launches.push_back(launchRowCopy(host, context, *pastValue, *value));
  }
  // Queries, keys and values of one matrix have strides of batches that are unknown, and
  // nearly always multiples of 16 bytes. A launch of no blocks does nothing.
  AttentionConfig wide = config;
  Value isWide;
  for (auto [operand, bytes] : {std::pair(&*query, &wide.queryBytes), {&*key, &wide.keyBytes},
                                {&*value, &wide.valueBytes}}) {
    int64_t likely = operand->likelyMultiple();
    if (4 * likely == *bytes)
      continue;
    *bytes = 4 * likely;
    Value is = operand->areMultiples(host, likely);
    isWide = isWide ? arith::AndIOp::create(host, isWide, is).getResult() : is;
  }
  if (!isWide) {
    launches.push_back(launch(config, count));
    return std::optional(std::move(launches));
  }
  auto when = [&](bool wanted) -> Value {
    Value none = index(0);
    return arith::SelectOp::create(host, isWide, wanted ? count : none, wanted ? none : count);
  };
  launches.push_back(launch(wide, when(true)));
  launches.push_back(launch(config, when(false)));
  return std::optional(std::move(launches));
}

} // namespace winnow::gpu

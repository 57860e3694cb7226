//===- Norm.cpp - Layer and RMS norms, and softmax, of rows ---------------===//
//
// A row is read once where it fits the registers of its threads. Means come before the
// squares of differences from them, whose sum would cancel otherwise.
//
//===----------------------------------------------------------------------===//

#include "Builders.h"
#include "Epilogue.h"
#include "Rows.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::gpu {

namespace {

enum class RowKind { LayerNorm, RMSNorm, Softmax };

struct RowConfig {
  RowKind kind;
  RowShape shape;
  bool residual = false, scale = false, bias = false;
  Pieces pieces, residualPieces;
  std::optional<RationalFunctions> rational; ///< of the norm

  std::string describe() const {
    std::string text = kind == RowKind::LayerNorm ? "layer_norm"
                       : kind == RowKind::RMSNorm ? "rms_norm"
                                                  : "softmax";
    text += ShapedType::isDynamic(shape.width) ? "_any" : "_" + std::to_string(shape.width);
    text += "_by" + std::to_string(shape.vector);
    for (auto [isThere, name] : {std::pair(residual, "_residual"), {scale, "_scale"}, {bias, "_bias"}})
      text += isThere ? name : "";
    text += pieces.areNumbered ? "_from" + pieces.describe() : "";
    text += residualPieces.areNumbered ? "_and" + residualPieces.describe() : "";
    return text + (rational ? rational->describe() : "");
  }
};

/// What the kernel takes.
struct RowOperands {
  Value x, residual, scale, bias, table, numbers, residualNumbers, out; ///< addresses
  Value rows, width;                            ///< i32
  Value strideX, residualStride, outStride;     ///< i32, of rows in elements
  Value epsilon;                                ///< f32

  SmallVector<std::pair<Value *, Type>> fields(MLIRContext *context, const RowConfig &config) {
    Type pointer = LLVM::LLVMPointerType::get(context), i32 = IntegerType::get(context, 32);
    SmallVector<std::pair<Value *, Type>> list;
    for (auto [isThere, field, type] :
         {std::tuple(true, &x, pointer), {config.residual, &residual, pointer},
          {config.scale, &scale, pointer}, {config.bias, &bias, pointer},
          {bool(config.rational), &table, pointer}, {config.pieces.areNumbered, &numbers, pointer},
          {config.residualPieces.areNumbered, &residualNumbers, pointer}, {true, &out, pointer},
          {true, &rows, i32}, {true, &width, i32}, {true, &strideX, i32},
          {config.residual, &residualStride, i32}, {true, &outStride, i32},
          {config.kind != RowKind::Softmax, &epsilon, Type(Float32Type::get(context))}})
      if (isThere)
        list.emplace_back(field, type);
    return list;
  }
};

struct RowKernel {
  Emitter &e;
  const RowConfig &config;
  const RowOperands &o;
  Value shared;

  void emit();

private:
  Value place(Value address, Value row, Value stride, Value column, const Pieces &pieces = {},
              Value numbers = {}) {
    return e.at(address, e.mul(pieces.offset(e, numbers, stride, row, column), 4));
  }
  void emitNorm(RowWalk &walk, Value row);
  void emitSoftmax(RowWalk &walk, Value row);
  Value sum(RowWalk &walk, llvm::function_ref<Value(Value)> map) {
    return walk.reduce(e.f32(0), map, [&](Value a, Value b) { return e.addF(a, b); });
  }
};

} // namespace

void RowKernel::emitNorm(RowWalk &walk, Value row) {
  Value count = arith::UIToFPOp::create(e, e.getF32Type(), o.width);
  bool centres = config.kind == RowKind::LayerNorm;
  Value mean;
  if (centres)
    mean = e.divF(sum(walk, [](Value x) { return x; }), count);
  auto centred = [&](Value x) { return centres ? e.subF(x, mean) : x; };
  Value squares = sum(walk, [&](Value x) {
    Value y = centred(x);
    return e.mulF(y, y);
  });
  Value variance = e.addF(e.divF(squares, count), o.epsilon);
  Value factor = e.divF(e.f32(1), math::SqrtOp::create(e, variance));
  walk.forEach([&](Value column, ValueRange chunk) {
    int64_t size = chunk.size();
    auto loadColumns = [&](Value address) {
      return e.loadVector(e.getF32Type(), size, e.at(address, e.mul(e.widen(column), 4)));
    };
    SmallVector<Value> scale, bias, results;
    if (config.scale)
      scale = loadColumns(o.scale);
    if (config.bias)
      bias = loadColumns(o.bias);
    for (auto [i, x] : llvm::enumerate(chunk)) {
      Value y = e.mulF(centred(x), factor);
      if (config.scale)
        y = e.mulF(y, scale[i]);
      if (config.bias)
        y = e.addF(y, bias[i]);
      results.push_back(config.rational ? config.rational->apply(e, o.table, y, e.add(column, i))
                                        : y);
    }
    e.storeVector(results, place(o.out, row, o.outStride, column));
  });
}

void RowKernel::emitSoftmax(RowWalk &walk, Value row) {
  Value lowest = e.f32(-std::numeric_limits<double>::infinity());
  Value top = walk.reduce(lowest, [](Value x) { return x; },
                          [&](Value a, Value b) { return e.maxF(a, b); });
  // A row of -inf gives NaN, as -inf - -inf does.
  auto power = [&](Value x) {
    return e.exp2(e.mulF(e.subF(x, top), e.f32(llvm::numbers::log2e)));
  };
  Value factor = e.divF(e.f32(1), sum(walk, power));
  walk.forEach([&](Value column, ValueRange chunk) {
    SmallVector<Value> results;
    for (Value x : chunk)
      results.push_back(e.mulF(power(x), factor));
    e.storeVector(results, place(o.out, row, o.outStride, column));
  });
}

void RowKernel::emit() {
  Value row;
  RowWalk walk(e, config.shape, o.width, shared, [&](Value column, int64_t count) {
    SmallVector<Value> x = e.loadVector(
        e.getF32Type(), count, place(o.x, row, o.strideX, column, config.pieces, o.numbers));
    if (config.residual)
      for (auto [value, other] :
           llvm::zip(x, e.loadVector(e.getF32Type(), count,
                                     place(o.residual, row, o.residualStride, column,
                                           config.residualPieces, o.residualNumbers))))
        value = e.addF(value, other);
    return x;
  });
  row = e.add(e.mul(e.block(), config.shape.rowsPerBlock()), walk.rowOfBlock);
  auto emitRow = [&] {
    if (config.kind == RowKind::Softmax)
      emitSoftmax(walk, row);
    else
      emitNorm(walk, row);
  };
  // A block that has a row of its own always has one.
  if (config.shape.isShort())
    e.ifThen(e.less(row, o.rows), emitRow);
  else
    emitRow();
}

/// Kinds of rows, which come as [rows, width].
static BuiltLaunches buildRows(ImplicitLocOpBuilder &host, const KernelContext &context,
                               RowKind kind) {
  auto decline = std::optional<SmallVector<KernelLaunch>>();
  RowConfig config;
  config.kind = kind;
  config.residual = context.flag("residual");
  config.scale = context.flag("scale");
  config.bias = context.flag("bias");
  ValueRange arguments = context.arguments;
  std::optional<double> epsilon = context.real("epsilon");
  bool hasTable = bool(context.config.get("denominator_kind")), hasNumbers = context.flag("rows"),
       hasResidualNumbers = context.flag("residual_rows");
  if ((kind != RowKind::Softmax && !epsilon) ||
      arguments.size() != size_t(2 + config.residual + config.scale + config.bias + hasTable +
                                 hasNumbers + hasResidualNumbers))
    return decline;
  auto x = Operand::get(arguments.front(), 2), out = Operand::get(arguments.back(), 2);
  unsigned next = 1;
  auto residual = config.residual ? Operand::get(arguments[next++], 2) : x;
  auto scale = config.scale ? Operand::get(arguments[next++], 1) : x;
  auto bias = config.bias ? Operand::get(arguments[next++], 1) : x;
  if (!x || !out || !residual || !scale || !bias)
    return decline;
  Value table = hasTable ? arguments[next++] : Value();
  Value numbers = hasNumbers ? arguments[next++] : Value();
  Value residualNumbers = hasResidualNumbers ? arguments[next++] : Value();
  config.shape.width = out->extent(1);
  if (hasTable && !(config.rational = RationalFunctions::get(context, table)))
    return decline;
  for (auto [buffer, list, into] : {std::tuple(&*x, numbers, &config.pieces),
                                    {&*residual, residualNumbers, &config.residualPieces}})
    if (list) {
      std::optional<Pieces> pieces = Pieces::get(*buffer, list, config.shape.width);
      if (!pieces)
        return decline;
      *into = *pieces;
    }
  config.shape.vector = divisor(config.shape.width, std::min(x->multiple(), out->multiple()));
  for (auto &operand : {residual, scale, bias})
    config.shape.vector = std::min(config.shape.vector, operand->multiple());

  RowOperands o;
  o.x = getAddress(host, x->memref);
  o.out = getAddress(host, out->memref);
  o.strideX = toI32(host, getStride(host, x->memref, 0));
  o.outStride = toI32(host, getStride(host, out->memref, 0));
  if (config.residual) {
    o.residual = getAddress(host, residual->memref);
    o.residualStride = toI32(host, getStride(host, residual->memref, 0));
  }
  if (config.scale)
    o.scale = getAddress(host, scale->memref);
  if (config.bias)
    o.bias = getAddress(host, bias->memref);
  for (auto [from, into] : {std::pair(table, &o.table), {numbers, &o.numbers},
                            {residualNumbers, &o.residualNumbers}})
    if (from)
      *into = getAddress(host, from);
  Value rows = getExtent(host, out->memref, 0);
  o.rows = toI32(host, rows);
  o.width = toI32(host, getExtent(host, out->memref, 1));
  if (epsilon)
    o.epsilon = arith::ConstantOp::create(host, host.getF32FloatAttr(*epsilon));

  KernelFunction function{config.describe(), {}, RowShape::kThreads, config.shape.sharedBytes()};
  mlir::gpu::GPUModuleOp device = context.device;
  if (!device.lookupSymbol(function.name)) {
    RowOperands parameters;
    auto fields = parameters.fields(host.getContext(), config);
    for (auto [field, type] : fields)
      function.arguments.push_back(type);
    emitKernel(device, context.loc, function, [&](Emitter &e, ValueRange values, Value shared) {
      for (auto [field, value] : llvm::zip_equal(fields, values))
        *field.first = value;
      RowKernel{e, config, parameters, shared}.emit();
    });
  }
  auto index = [&](int64_t number) -> Value { return arith::ConstantIndexOp::create(host, number); };
  KernelLaunch launch;
  launch.kernel = function.name;
  launch.grid = {host.createOrFold<arith::CeilDivUIOp>(rows, index(config.shape.rowsPerBlock())),
                 index(1), index(1)};
  launch.block = {static_cast<int32_t>(RowShape::kThreads), 1, 1};
  launch.sharedBytes = config.shape.sharedBytes();
  for (auto [field, type] : o.fields(host.getContext(), config))
    launch.arguments.push_back(*field);
  return std::optional(SmallVector<KernelLaunch>{std::move(launch)});
}

BuiltLaunches buildLayerNorm(ImplicitLocOpBuilder &host, const KernelContext &context) {
  return buildRows(host, context, RowKind::LayerNorm);
}
BuiltLaunches buildRMSNorm(ImplicitLocOpBuilder &host, const KernelContext &context) {
  return buildRows(host, context, RowKind::RMSNorm);
}
BuiltLaunches buildSoftmax(ImplicitLocOpBuilder &host, const KernelContext &context) {
  return buildRows(host, context, RowKind::Softmax);
}

} // namespace winnow::gpu

//===- MarkOps.cpp - Tells the runtime which operation begins -------------===//

#include "winnow/Codegen/Common/MemRefUtils.h"
#include "winnow/Codegen/CPU/Passes.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_MARKOPS
#include "winnow/Codegen/CPU/Passes.h.inc"

namespace {

constexpr StringLiteral kMarkName = "winnow_rt_mark";

/// What an operation does, counted where it is called.
struct Cost {
  Value flops, bytes; ///< index
};

/// Counts in index arithmetic before one operation.
class Counter {
public:
  explicit Counter(Operation *op) : b(op), loc(op->getLoc()) {}

  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y); }
  Value subtract(Value x, Value y) { return b.createOrFold<arith::SubIOp>(loc, x, y); }
  Value multiply(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y); }
  Value divide(Value x, Value y) {
    Value atLeastOne = b.createOrFold<arith::MaxSIOp>(loc, y, constant(1));
    return b.createOrFold<arith::DivSIOp>(loc, x, atLeastOne);
  }
  Value scale(Value x, int64_t factor) { return factor == 1 ? x : multiply(x, constant(factor)); }
  Value size(Value memref, int64_t dim) { return b.createOrFold<memref::DimOp>(loc, memref, dim); }
  Value elements(Value memref) {
    auto type = cast<MemRefType>(memref.getType());
    int64_t fixed = 1;
    Value result;
    for (auto [i, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size)) {
        fixed *= size;
        continue;
      }
      Value dim = this->size(memref, i);
      result = result ? multiply(result, dim) : dim;
    }
    return result ? scale(result, fixed) : constant(fixed);
  }
  Value bytes(Value memref) {
    Type element = cast<MemRefType>(memref.getType()).getElementType();
    return scale(elements(memref), elementBytes(element));
  }
  /// Every buffer once.
  Value bytes(ValueRange operands) {
    Value sum = constant(0);
    for (Value operand : operands)
      if (isa<MemRefType>(operand.getType()))
        sum = add(sum, bytes(operand));
    return sum;
  }

  OpBuilder b;
  Location loc;
};

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// Pairs of a query and a key that see each other. Of causal attention the last
/// query sees all keys, or all as far as itself where there are as many.
Value countScores(Counter &c, Value queries, Value keys, bool isCausal) {
  Value all = c.multiply(queries, keys);
  if (!isCausal)
    return all;
  Value hidden = c.multiply(queries, c.subtract(queries, c.constant(1)));
  hidden = c.b.createOrFold<arith::DivSIOp>(c.loc, hidden, c.constant(2));
  return c.subtract(all, hidden);
}

Value countAttention(Counter &c, ValueRange operands, DictionaryAttr config) {
  auto flag = [&](StringRef name) {
    auto attr = config.getAs<BoolAttr>(name);
    return attr && attr.getValue();
  };
  Value query = operands[0], out = operands.back();
  Value key = operands[flag("past") ? operands.size() - 3 : 1];
  Value queries = c.size(query, 1), keys = c.size(key, flag("key_heads_first") ? 2 : 1);
  Value batch = c.size(query, 0);
  // Packed sequences count as if all were of the mean length.
  if (flag("key_packed"))
    batch = c.size(operands[operands.size() - 2], 0);
  else if (flag("query_packed"))
    batch = c.size(key, 0);
  if (flag("query_packed"))
    queries = c.divide(queries, batch);
  if (flag("key_packed"))
    keys = c.divide(keys, batch);
  // Which keys chosen rows see under causality is not known: up to all.
  bool hasRows = flag("query_rows");
  if (hasRows)
    queries = c.size(operands[operands.size() - 2], 2);
  Value scores = countScores(c, queries, keys, flag("causal") && !hasRows);
  Value heads = c.multiply(batch, c.size(query, 2));
  Value depth = c.add(c.size(query, 3), c.size(out, 3));
  return c.scale(c.multiply(c.multiply(heads, scores), depth), 2);
}

/// A product of matrices of such a depth.
Value countProduct(Counter &c, ValueRange operands, Value depth) {
  return c.scale(c.multiply(c.elements(operands.back()), depth), 2);
}

Cost countKernel(Counter &c, func::CallOp call, DictionaryAttr config) {
  StringRef kind = config.getAs<StringAttr>("kind").getValue();
  ValueRange operands = call.getOperands();
  SmallVector<Value> buffers;
  for (Value operand : operands)
    if (isa<MemRefType>(operand.getType()))
      buffers.push_back(operand);
  // Of a table only the rows that are named.
  if (kind == "gather")
    return {c.constant(0), c.add(c.bytes(buffers[1]), c.scale(c.bytes(buffers.back()), 2))};
  Value bytes = c.bytes(buffers);
  if (kind == "linear" || kind == "sparse_linear" || kind == "quantized_linear" ||
      kind == "unpacked_linear" || kind == "rounded_linear" || kind == "matmul" ||
      kind == "quantized_matmul")
    return {countProduct(c, buffers, c.size(buffers[0], cast<MemRefType>(buffers[0].getType()).getRank() - 1)),
            bytes};
  // Of bases of the first, as deep as the panels.
  if (kind == "basis_linear")
    return {countProduct(c, buffers, c.size(buffers[1], 1)), bytes};
  if (kind == "attention")
    return {countAttention(c, buffers, config), bytes};
  // Of the sampled keys, a product with each, as far as bounds do not say enough.
  auto bounded = config.getAs<BoolAttr>("bounded");
  if (kind == "probsparse_bounds" || (kind == "probsparse_measure" && !bounded.getValue())) {
    Value table = buffers[2], measures = kind == "probsparse_bounds" ? buffers[3] : buffers.back();
    Value samples = c.size(table, cast<MemRefType>(table.getType()).getRank() - 1);
    Value products = c.multiply(c.elements(measures), samples);
    return {c.scale(c.multiply(products, c.size(buffers[0], 3)), 2), bytes};
  }
  int64_t each = llvm::StringSwitch<int64_t>(kind)
                     .Case("layer_norm", 8)
                     .Case("rms_norm", 5)
                     .Case("softmax", 5)
                     .Default(0);
  Value flops =
      each && !buffers.empty() ? c.scale(c.elements(buffers.back()), each) : c.constant(0);
  return {flops, bytes};
}

/// Operations of the body that compute an element.
int64_t countArithmetic(linalg::LinalgOp op) {
  int64_t count = 0;
  for (Operation &inner : op.getBlock()->without_terminator())
    if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::MaximumFOp,
            arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp, arith::NegFOp, arith::AddIOp,
            arith::SubIOp, arith::MulIOp>(inner) ||
        inner.getName().getDialectNamespace() == "math")
      ++count;
  return count;
}

Cost countLinalg(Counter &c, linalg::LinalgOp op) {
  Value points = c.constant(1);
  for (Range range : op.createLoopRanges(c.b, c.loc))
    points = c.multiply(points, getValueOrCreateConstantIndexOp(c.b, c.loc, range.size));
  SmallVector<Value> used;
  for (OpOperand &operand : op->getOpOperands())
    if (!op.getMatchingBlockArgument(&operand).use_empty() || op.isDpsInit(&operand))
      used.push_back(operand.get());
  return {c.scale(points, countArithmetic(op)), c.bytes(used)};
}

StringRef getKind(linalg::LinalgOp op) {
  if (isa<linalg::FillOp>(op))
    return "fill";
  if (op.getNumReductionLoops())
    return "reduction";
  return op.getBlock()->without_terminator().empty() ? "copy" : "elementwise";
}

//===----------------------------------------------------------------------===//
// Marks
//===----------------------------------------------------------------------===//

/// The names of the nodes that the operation stands for.
std::string getNodes(Operation *op) {
  llvm::SetVector<StringRef> names;
  op->getLoc()->walk([&](Location inner) {
    if (auto name = dyn_cast<NameLoc>(inner))
      names.insert(name.getName());
    return WalkResult::advance();
  });
  return llvm::join(names, ", ");
}

class Marker {
public:
  explicit Marker(ModuleOp module) : module(module), b(module.getContext()) {}

  void mark(Operation *op) {
    if (auto call = dyn_cast<func::CallOp>(op))
      return markCall(call);
    if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
      Counter c(op);
      return add(c, getKind(structured), countLinalg(c, structured));
    }
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      Counter c(op);
      add(c, "copy", {c.constant(0), c.scale(c.bytes(copy.getTarget()), 2)});
    }
  }

  ArrayAttr getOps() const { return b.getArrayAttr(ops); }

private:
  void markCall(func::CallOp call) {
    auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
    auto config =
        callee ? callee->getAttrOfType<DictionaryAttr>("winnow.kernel") : DictionaryAttr();
    auto kind = config ? config.getAs<StringAttr>("kind") : StringAttr();
    // A size that the data says is a number, not an operation.
    if (!kind || call.getNumResults() || kind.getValue() == "check_size")
      return;
    Counter c(call);
    add(c, kind.getValue(), countKernel(c, call, config));
  }

  void add(Counter &c, StringRef kind, Cost cost) {
    Operation *op = &*c.b.getInsertionPoint();
    Value number = arith::ConstantIntOp::create(c.b, c.loc, c.b.getI32Type(), ops.size());
    auto integer = [&](Value value) -> Value {
      return arith::IndexCastOp::create(c.b, c.loc, c.b.getI64Type(), value);
    };
    func::CallOp::create(c.b, c.loc, getRuntime(),
                         ValueRange{number, integer(cost.flops), integer(cost.bytes)});
    ops.push_back(b.getDictionaryAttr({b.getNamedAttr("kind", b.getStringAttr(kind)),
                                       b.getNamedAttr("nodes", b.getStringAttr(getNodes(op)))}));
  }

  func::FuncOp getRuntime() {
    if (runtime)
      return runtime;
    OpBuilder atStart = OpBuilder::atBlockBegin(module.getBody());
    auto type = b.getFunctionType({b.getI32Type(), b.getI64Type(), b.getI64Type()}, {});
    runtime = func::FuncOp::create(atStart, module.getLoc(), kMarkName, type);
    runtime.setPrivate();
    return runtime;
  }

  ModuleOp module;
  mutable Builder b;
  func::FuncOp runtime;
  SmallVector<Attribute> ops;
};

struct MarkOps : impl::MarkOpsBase<MarkOps> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Marker marker(module);
    for (func::FuncOp entry : getEntries(module)) {
      SmallVector<Operation *> ops;
      entry.walk([&](Operation *op) { ops.push_back(op); });
      for (Operation *op : ops)
        marker.mark(op);
    }
    module->setAttr("winnow.ops", marker.getOps());
  }
};

} // namespace
} // namespace winnow::cpu

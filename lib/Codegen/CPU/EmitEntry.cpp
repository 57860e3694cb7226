//===- EmitEntry.cpp - The functions of the model descriptor --------------===//

#include "winnow/Codegen/Common/MemRefUtils.h"
#include "winnow/Codegen/CPU/Passes.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_EMITENTRY
#include "winnow/Codegen/CPU/Passes.h.inc"

namespace {

constexpr StringLiteral kWorkspaceBytes = "winnow.workspace_bytes";
constexpr int64_t kBufferAlignment = 64;

/// Fields of winnow_call, in the order of abi.h.
enum CallField { kSymbols = 2, kWeights, kWorkspace, kInputs, kOutputs };

class EntryEmitter {
public:
  EntryEmitter(func::FuncOp entry, func::FuncOp workspace)
      : entry(entry), workspace(workspace), b(entry.getContext()),
        loc(entry.getLoc()), ptr(LLVM::LLVMPointerType::get(b.getContext())) {}

  /// Reads and checks the entry's attributes.
  LogicalResult analyze();
  /// Writes the functions.
  void emit() {
    emitWorkspaceBytes();
    emitInputDim();
    emitDims("winnow.output_dims", outputDims);
    emitOutputRoom();
    emitCapacities();
    emitRun();
  }

private:
  void emitRun();
  void emitWorkspaceBytes();
  /// Writes the dims of all outputs by `name`(symbols, dims).
  void emitDims(StringRef name, ArrayRef<AffineMap> outputs);
  void emitInputDim();
  void emitOutputRoom();
  void emitCapacities();
  FailureOr<SmallVector<AffineMap>> dims(StringRef attribute, int64_t first,
                                         int64_t count);
  std::string getName(StringRef name) { return getEntryName(name, getEntryForm(entry)); }
  func::FuncOp begin(StringRef name, ArrayRef<Type> results,
                     ArrayRef<Type> arguments);
  Value load(Type type, Value base, int64_t index);
  void storeIndex(Value value, Value base, int64_t index);
  SmallVector<Value> loadSymbols(Value array);
  Value alignedBytes(Value pointer, Type type);
  Value buffer(Value array, int64_t position, MemRefType type, AffineMap dims,
               ValueRange symbols);

  func::FuncOp entry, workspace;
  OpBuilder b;
  Location loc;
  Type ptr;
  int64_t numSymbols = 0, numInputs = 0;
  SmallVector<AffineMap> inputDims, outputDims;
  SmallVector<SymbolInfo> symbolInfos;
};

FailureOr<SmallVector<AffineMap>>
EntryEmitter::dims(StringRef attribute, int64_t first, int64_t count) {
  auto array = entry->getAttrOfType<ArrayAttr>(attribute);
  if (!array || int64_t(array.size()) != count)
    return entry.emitOpError("expected '")
           << attribute << "' to list " << count << " affine maps";
  SmallVector<AffineMap> maps;
  for (auto [i, attr] : llvm::enumerate(array)) {
    auto map = dyn_cast<AffineMapAttr>(attr);
    auto type = dyn_cast<MemRefType>(entry.getArgumentTypes()[first + i]);
    if (!map || map.getValue().getNumDims() != 0 ||
        map.getValue().getNumSymbols() > numSymbols)
      return entry.emitOpError("expected '")
             << attribute << "' to hold affine maps over " << numSymbols
             << " symbols";
    if (!type || !type.getLayout().isIdentity())
      return entry.emitOpError("expected argument ")
             << first + i << " to be a dense memref, got "
             << entry.getArgumentTypes()[first + i];
    if (type.getRank() != map.getValue().getNumResults())
      return entry.emitOpError("expected argument ")
             << first + i << " and its dims to have one rank, got "
             << type.getRank() << " and " << map.getValue().getNumResults();
    maps.push_back(map.getValue());
  }
  return maps;
}

LogicalResult EntryEmitter::analyze() {
  ArrayRef<Type> types = entry.getArgumentTypes();
  auto isBytes = [](Type type) {
    auto memref = dyn_cast<MemRefType>(type);
    return memref && memref.getRank() == 1 &&
           memref.getElementType().isInteger(8) &&
           memref.getLayout().isIdentity();
  };
  if (types.size() < 2 || !isBytes(types.front()) || !isBytes(types.back()))
    return entry.emitOpError("expected the entry to take the weights first and "
                             "the workspace last, each as memref<?xi8>");
  if (entry.getNumResults() != 0)
    return entry.emitOpError("expected the entry to have no results");
  while (types[1 + numSymbols].isIndex())
    ++numSymbols;
  auto inputs = entry->getAttrOfType<IntegerAttr>("winnow.num_inputs");
  int64_t numBuffers = types.size() - 2 - numSymbols;
  if (!inputs || inputs.getInt() < 0 || inputs.getInt() > numBuffers)
    return entry.emitOpError("expected 'winnow.num_inputs' between 0 and ")
           << numBuffers;
  numInputs = inputs.getInt();
  if (workspace.getNumArguments() != numSymbols ||
      workspace.getNumResults() != 1)
    return workspace.emitOpError("expected ")
           << numSymbols << " symbols and one result";

  bool boundsAreOrdered = true;
  symbolInfos = getSymbols(entry);
  symbolInfos.resize(numSymbols);
  for (auto [i, symbol] : llvm::enumerate(symbolInfos))
    if (symbol.bound)
      symbol.bound.walk([&, i = i](AffineExpr part) {
        auto earlier = dyn_cast<AffineSymbolExpr>(part);
        boundsAreOrdered &= !earlier || earlier.getPosition() < i;
      });
  if (!boundsAreOrdered)
    return entry.emitOpError(
        "expected the bounds of symbols to depend on symbols before them");

  int64_t first = 1 + numSymbols;
  auto in = dims("winnow.input_dims", first, numInputs);
  if (failed(in))
    return failure();
  auto out =
      dims("winnow.output_dims", first + numInputs, numBuffers - numInputs);
  if (failed(out))
    return failure();
  inputDims = *in;
  outputDims = *out;
  return success();
}

func::FuncOp EntryEmitter::begin(StringRef name, ArrayRef<Type> results,
                                 ArrayRef<Type> arguments) {
  b.setInsertionPointToEnd(entry->getBlock());
  auto function =
      func::FuncOp::create(b, loc, getName(name), b.getFunctionType(arguments, results));
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

Value EntryEmitter::load(Type type, Value base, int64_t index) {
  Value address = LLVM::GEPOp::create(b, loc, ptr, type, base,
                                      ArrayRef<LLVM::GEPArg>{int32_t(index)});
  return LLVM::LoadOp::create(b, loc, type, address);
}

void EntryEmitter::storeIndex(Value value, Value base, int64_t index) {
  Value value64 = arith::IndexCastOp::create(b, loc, b.getI64Type(), value);
  Value address = LLVM::GEPOp::create(b, loc, ptr, b.getI64Type(), base,
                                      ArrayRef<LLVM::GEPArg>{int32_t(index)});
  LLVM::StoreOp::create(b, loc, value64, address);
}

SmallVector<Value> EntryEmitter::loadSymbols(Value array) {
  SmallVector<Value> symbols;
  for (int64_t i = 0; i < numSymbols; ++i)
    symbols.push_back(arith::IndexCastOp::create(
        b, loc, b.getIndexType(), load(b.getI64Type(), array, i)));
  return symbols;
}

/// Bytes at a pointer that the runtime guarantees to be aligned.
Value EntryEmitter::alignedBytes(Value pointer, Type type) {
  Value yes =
      LLVM::ConstantOp::create(b, loc, b.getI1Type(), b.getBoolAttr(true));
  Value alignment = LLVM::ConstantOp::create(
      b, loc, b.getI64Type(), b.getI64IntegerAttr(kBufferAlignment));
  LLVM::AssumeOp::create(b, loc, yes, LLVM::AssumeAlignTag(), pointer,
                         alignment);
  auto memref = cast<MemRefType>(type);
  SmallVector<Value> sizes;
  // Views of it are at offsets known to be inside; nothing asks for its size.
  if (!memref.hasStaticShape())
    sizes.push_back(LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                             b.getI64IntegerAttr(INT64_MAX)));
  return makeDenseMemRef(b, loc, memref, pointer, sizes);
}

Value EntryEmitter::buffer(Value array, int64_t position, MemRefType type,
                           AffineMap dims, ValueRange symbols) {
  SmallVector<Value> sizes;
  for (auto [size, expr] :
       llvm::zip_equal(type.getShape(), dims.getResults())) {
    if (!ShapedType::isDynamic(size))
      continue;
    Value value = affine::expandAffineExpr(b, loc, expr, {}, symbols);
    sizes.push_back(arith::IndexCastOp::create(b, loc, b.getI64Type(), value));
  }
  return makeDenseMemRef(b, loc, type, load(ptr, array, position), sizes);
}

void EntryEmitter::emitRun() {
  func::FuncOp run = begin("winnow.run", {}, {ptr});
  Value call = run.getArgument(0);
  Type i32 = b.getI32Type();
  auto callType = LLVM::LLVMStructType::getLiteral(
      b.getContext(), {i32, i32, ptr, ptr, ptr, ptr, ptr});
  auto field = [&](CallField index) -> Value {
    Value address = LLVM::GEPOp::create(
        b, loc, ptr, callType, call, ArrayRef<LLVM::GEPArg>{0, int32_t(index)});
    return LLVM::LoadOp::create(b, loc, ptr, address);
  };
  ArrayRef<Type> types = entry.getArgumentTypes();
  SmallVector<Value> symbols = loadSymbols(field(kSymbols));
  SmallVector<Value> arguments = {alignedBytes(field(kWeights), types.front())};
  llvm::append_range(arguments, symbols);
  Value inputs = field(kInputs), outputs = field(kOutputs);
  for (auto [i, map] : llvm::enumerate(inputDims))
    arguments.push_back(buffer(
        inputs, i, cast<MemRefType>(types[arguments.size()]), map, symbols));
  for (auto [i, map] : llvm::enumerate(outputDims))
    arguments.push_back(buffer(
        outputs, i, cast<MemRefType>(types[arguments.size()]), map, symbols));
  arguments.push_back(alignedBytes(field(kWorkspace), types.back()));
  func::CallOp::create(b, loc, entry, arguments);
  func::ReturnOp::create(b, loc);
}

void EntryEmitter::emitWorkspaceBytes() {
  SymbolTable::setSymbolName(workspace, getName("winnow.workspace_size"));
  func::FuncOp function = begin(kWorkspaceBytes, {b.getI64Type()}, {ptr});
  Value bytes = func::CallOp::create(b, loc, workspace,
                                     loadSymbols(function.getArgument(0)))
                    .getResult(0);
  Value result = arith::IndexCastOp::create(b, loc, b.getI64Type(), bytes);
  func::ReturnOp::create(b, loc, result);
}

void EntryEmitter::emitDims(StringRef name, ArrayRef<AffineMap> outputs) {
  func::FuncOp function = begin(name, {}, {ptr, ptr});
  SmallVector<Value> symbols = loadSymbols(function.getArgument(0));
  int64_t position = 0;
  for (AffineMap map : outputs)
    for (AffineExpr expr : map.getResults())
      storeIndex(affine::expandAffineExpr(b, loc, expr, {}, symbols),
                 function.getArgument(1), position++);
  func::ReturnOp::create(b, loc);
}

/// Gives the n-th input dimension that the runtime cannot read off one symbol.
void EntryEmitter::emitInputDim() {
  SmallVector<AffineExpr> exprs;
  for (AffineMap map : inputDims)
    for (AffineExpr expr : map.getResults())
      if (!isa<AffineConstantExpr>(expr) && !getLinearDim(expr))
        exprs.push_back(expr);
  if (exprs.empty())
    return;
  Type i64 = b.getI64Type();
  func::FuncOp function = begin("winnow.input_dim", {i64}, {ptr, i64});
  SmallVector<Value> symbols = loadSymbols(function.getArgument(0));
  Value result;
  for (auto [n, expr] : llvm::enumerate(exprs)) {
    Value size = arith::IndexCastOp::create(
        b, loc, i64, affine::expandAffineExpr(b, loc, expr, {}, symbols));
    Value index = arith::ConstantIntOp::create(b, loc, i64, n);
    Value isThis = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         function.getArgument(1), index);
    result = result ? arith::SelectOp::create(b, loc, isThis, size, result)
                    : size;
  }
  func::ReturnOp::create(b, loc, result);
}

void EntryEmitter::emitOutputRoom() {
  SmallVector<AffineMap> room;
  for (AffineMap map : outputDims) {
    SmallVector<AffineExpr> dims;
    for (AffineExpr dim : map.getResults())
      dims.push_back(
          normalizeDim(getDataBound(dim, symbolInfos, /*isUpper=*/true)));
    room.push_back(AffineMap::get(0, numSymbols, dims, b.getContext()));
  }
  emitDims("winnow.output_room", room);
}

void EntryEmitter::emitCapacities() {
  func::FuncOp function = begin("winnow.capacities", {}, {ptr});
  Value array = function.getArgument(0);
  SmallVector<Value> symbols = loadSymbols(array);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  for (auto [i, info] : llvm::enumerate(symbolInfos)) {
    if (!info.isData)
      continue;
    Value least = constant(info.min);
    if (info.bound) {
      AffineExpr bound =
          getDataBound(info.bound, symbolInfos, /*isUpper=*/true);
      Value most = affine::expandAffineExpr(b, loc, bound, {}, symbols);
      most = arith::MinSIOp::create(b, loc, most, constant(info.max));
      least = arith::MaxSIOp::create(b, loc, most, least);
    }
    symbols[i] = arith::MaxSIOp::create(b, loc, symbols[i], least);
    storeIndex(symbols[i], array, i);
  }
  func::ReturnOp::create(b, loc);
}

/// Lets LLVM inline and drop whatever the descriptor does not point to.
void internalize(ModuleOp module) {
  auto internal =
      LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal);
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration())
      function->setAttr("llvm.linkage", internal);
}

struct EmitEntry : impl::EmitEntryBase<EmitEntry> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::vector<EntryEmitter> emitters;
    for (func::FuncOp entry : getEntries(module)) {
      std::string name = getEntryName(kWorkspaceBytes, getEntryForm(entry));
      auto workspace = module.lookupSymbol<func::FuncOp>(name);
      if (entry.isDeclaration() || !workspace) {
        entry.emitError("expected the entry to have a body and @") << name;
        return signalPassFailure();
      }
      if (failed(emitters.emplace_back(entry, workspace).analyze()))
        return signalPassFailure();
    }
    if (emitters.empty()) {
      module.emitError("expected a function with 'winnow.entry'");
      return signalPassFailure();
    }
    internalize(module);
    for (EntryEmitter &emitter : emitters)
      emitter.emit();
  }
};

} // namespace
} // namespace winnow::cpu

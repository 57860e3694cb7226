#include "ModuleFacts.h"

#include "winnow/Codegen/CPU/Target.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// The runtime's number of an element type; 0 for one that it has no name for.
static uint32_t getDType(Type type) {
  return llvm::TypeSwitch<Type, uint32_t>(type)
      .Case([](Float32Type) { return WINNOW_DTYPE_F32; })
      .Case([](Float64Type) { return WINNOW_DTYPE_F64; })
      .Case([](Float16Type) { return WINNOW_DTYPE_F16; })
      .Case([](BFloat16Type) { return WINNOW_DTYPE_BF16; })
      .Case([](Float8E4M3FNType) { return WINNOW_DTYPE_F8E4M3FN; })
      .Case([](Float8E4M3FNUZType) { return WINNOW_DTYPE_F8E4M3FNUZ; })
      .Case([](Float8E5M2Type) { return WINNOW_DTYPE_F8E5M2; })
      .Case([](Float8E5M2FNUZType) { return WINNOW_DTYPE_F8E5M2FNUZ; })
      .Case([](Float8E8M0FNUType) { return WINNOW_DTYPE_F8E8M0; })
      .Case([](Float4E2M1FNType) { return WINNOW_DTYPE_F4E2M1; })
      .Case([](IntegerType integer) -> uint32_t {
        bool isUnsigned = integer.isUnsigned();
        switch (integer.getWidth()) {
        case 1: return WINNOW_DTYPE_BOOL;
        case 2: return isUnsigned ? WINNOW_DTYPE_U2 : WINNOW_DTYPE_I2;
        case 4: return isUnsigned ? WINNOW_DTYPE_U4 : WINNOW_DTYPE_I4;
        case 8: return isUnsigned ? WINNOW_DTYPE_U8 : WINNOW_DTYPE_I8;
        case 16: return isUnsigned ? WINNOW_DTYPE_U16 : WINNOW_DTYPE_I16;
        case 32: return isUnsigned ? WINNOW_DTYPE_U32 : WINNOW_DTYPE_I32;
        case 64: return isUnsigned ? WINNOW_DTYPE_U64 : WINNOW_DTYPE_I64;
        default: return 0;
        }
      })
      .Default([](Type) { return 0; });
}

/// How an expression's symbols and operators are written.
struct Spelling {
  llvm::function_ref<std::string(unsigned)> symbol;
  const char *mod, *floorDiv;
};

/// `(batch * seq)`. A ceiling is written by the floor.
static std::string printExpression(AffineExpr expr, const Spelling &spelling) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return spelling.symbol(symbol.getPosition());
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(constant.getValue());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  const char *op = " + ";
  switch (binary.getKind()) {
  case AffineExprKind::Mul:
    op = " * ";
    break;
  case AffineExprKind::Mod:
    op = spelling.mod;
    break;
  case AffineExprKind::CeilDiv:
    lhs = lhs + (rhs - 1);
    op = spelling.floorDiv;
    break;
  case AffineExprKind::FloorDiv:
    op = spelling.floorDiv;
    break;
  default:
    break;
  }
  return "(" + printExpression(lhs, spelling) + op + printExpression(rhs, spelling) + ")";
}

/// The operations, which are those of every code.
static void addOps(ModuleOp module, ModelInterface &interface);

void winnow::addCode(ModuleOp module, const CPULevel &level, StringRef suffix,
                     ModelInterface &interface) {
  interface.triple = cpu::getTargetTriple().str();
  ModelInterface::Code code;
  code.cpuLevel = level.name.str();
  code.suffix = suffix.str();
  if (level.vectorBytes >= 32)
    code.cpuFeatures |= WINNOW_CPU_AVX2 | WINNOW_CPU_FMA | WINNOW_CPU_F16C | WINNOW_CPU_BMI2;
  if (level.vectorBytes >= 64)
    code.cpuFeatures |= WINNOW_CPU_AVX512;
  if (level.hasVNNI)
    code.cpuFeatures |= level.vectorBytes >= 64 ? WINNOW_CPU_AVX512_VNNI : WINNOW_CPU_AVX_VNNI;
  if (auto scratch = module->getAttrOfType<IntegerAttr>("winnow.scratch_bytes"))
    code.scratchBytes = scratch.getInt();
  interface.codes.push_back(std::move(code));
  addOps(module, interface);
}

void winnow::addGPUCode(ModuleOp module, const ModelInterface::Code::GPU &gpu, StringRef suffix,
                        ModelInterface &interface) {
  interface.triple = cpu::getTargetTriple().str();
  ModelInterface::Code code;
  // What the host does suits every CPU.
  code.cpuLevel = "x86-64";
  code.suffix = suffix.str();
  code.gpu = gpu;
  interface.codes.push_back(std::move(code));
  addOps(module, interface);
}

static void addOps(ModuleOp module, ModelInterface &interface) {
  interface.ops.clear();
  if (auto ops = module->getAttrOfType<ArrayAttr>("winnow.ops"))
    for (auto op : ops.getAsRange<DictionaryAttr>())
      interface.ops.push_back({op.getAs<StringAttr>("kind").getValue().str(),
                               op.getAs<StringAttr>("nodes").getValue().str()});
}

static FailureOr<ModelInterface> getInterface(func::FuncOp entry) {
  auto inputDims = entry->getAttrOfType<ArrayAttr>("winnow.input_dims");
  auto outputDims = entry->getAttrOfType<ArrayAttr>("winnow.output_dims");
  SmallVector<SymbolInfo> symbols = getSymbols(entry);
  unsigned first = 1 + symbols.size();
  if (!inputDims || !outputDims ||
      entry.getNumArguments() < first + inputDims.size() + outputDims.size())
    return entry.emitError("expected the signature that winnow-to-linalg makes, got ")
           << entry.getFunctionType();

  ModelInterface interface;
  interface.form = getEntryForm(entry).str();
  for (const SymbolInfo &symbol : symbols)
    interface.symbols.push_back({symbol.name, symbol.min, symbol.max, symbol.isData});
  auto addTensor = [&](unsigned argument, Attribute dims,
                       std::vector<ModelInterface::Tensor> &tensors) -> LogicalResult {
    ModelInterface::Tensor tensor;
    if (auto name = entry.getArgAttrOfType<StringAttr>(argument, "winnow.name"))
      tensor.name = name.getValue().str();
    auto type = cast<MemRefType>(entry.getArgument(argument).getType());
    // Conversion keeps here what it changes.
    auto dtype = entry.getArgAttrOfType<TypeAttr>(argument, "winnow.dtype");
    Type element = dtype ? dtype.getValue() : type.getElementType();
    tensor.dtype = getDType(element);
    if (tensor.dtype == 0)
      return entry.emitError("expected inputs and outputs of a type that the runtime knows, got ")
             << element << " for '" << tensor.name << "'";
    for (AffineExpr dim : cast<AffineMapAttr>(dims).getValue().getResults()) {
      ModelInterface::Dim out;
      if (std::optional<int64_t> size = getConstantDim(dim))
        out.size = *size;
      else if (std::optional<LinearDim> linear = getLinearDim(dim)) {
        out.symbol = linear->symbol;
        out.factor = linear->factor;
        out.offset = linear->offset;
      }
      auto name = [&](unsigned i) { return symbols[i].name; };
      auto place = [](unsigned i) { return "$" + std::to_string(i); };
      out.expression = printExpression(dim, {name, " mod ", " floordiv "});
      out.formula = printExpression(dim, {place, " % ", " / "});
      out.fromData = dependsOnData(dim, symbols);
      tensor.dims.push_back(out);
    }
    tensors.push_back(std::move(tensor));
    return success();
  };
  for (auto [i, dims] : llvm::enumerate(inputDims)) {
    if (failed(addTensor(first + i, dims, interface.inputs)))
      return failure();
    for (const ModelInterface::Dim &dim : interface.inputs.back().dims)
      if (dim.fromData)
        return entry.emitError("expected input dimensions that do not depend on data, got ")
               << dim.expression << " for '" << interface.inputs.back().name << "'";
  }
  for (auto [i, dims] : llvm::enumerate(outputDims))
    if (failed(addTensor(first + inputDims.size() + i, dims, interface.outputs)))
      return failure();
  if (auto sites = entry->getParentOfType<ModuleOp>()->getAttrOfType<ArrayAttr>("winnow.sites"))
    for (auto site : sites.getAsRange<DictionaryAttr>())
      interface.sites.push_back({site.getAs<StringAttr>("node").getValue().str(),
                                 site.getAs<StringAttr>("message").getValue().str()});
  return interface;
}

FailureOr<std::vector<ModelInterface>> winnow::getModelInterfaces(ModuleOp module) {
  if (failed(verifyEntries(module, "codegen contract")))
    return failure();
  std::vector<ModelInterface> interfaces;
  for (func::FuncOp entry : getEntries(module)) {
    FailureOr<ModelInterface> interface = getInterface(entry);
    if (failed(interface))
      return failure();
    interfaces.push_back(std::move(*interface));
  }
  auto model = llvm::find_if(interfaces, [](const auto &form) { return form.form.empty(); });
  std::rotate(interfaces.begin(), model, model + 1);
  return interfaces;
}

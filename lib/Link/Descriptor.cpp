#include "winnow/Link/Descriptor.h"
#include "winnow/Link/CNames.h"
#include "winnow/Support/Version.h"
#include "winnow/abi.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

using namespace llvm;
using namespace winnow;

namespace {

/// Builds the constants. Struct types are made from their fields: with natural
/// alignment LLVM lays them out as C does, and the field order below is that
/// of abi.h.
class DescriptorBuilder {
public:
  DescriptorBuilder(Module &module, const ModelInterface &model)
      : module(module), context(module.getContext()), model(model),
        names(makeCNames(model)), pointer(PointerType::get(context, 0)) {}

  /// `code` are the functions of each code, `functions` the last ones of the
  /// descriptor but for `bind`, both in the order of abi.h.
  Constant *build(const WeightsSummary &weights,
                  ArrayRef<SmallVector<Function *>> code,
                  ArrayRef<Function *> functions);

private:
  Constant *i32(int64_t value) {
    return ConstantInt::get(Type::getInt32Ty(context), value,
                            /*IsSigned=*/true);
  }
  Constant *i64(int64_t value) {
    return ConstantInt::get(Type::getInt64Ty(context), value,
                            /*IsSigned=*/true);
  }
  Constant *null() { return ConstantPointerNull::get(pointer); }

  Constant *addPrivate(Constant *init, const Twine &name) {
    auto *global =
        new GlobalVariable(module, init->getType(), /*isConstant=*/true,
                           GlobalValue::PrivateLinkage, init, name);
    return global;
  }

  /// C strings end at a NUL, so a name that holds one is cut there.
  Constant *string(StringRef text) {
    auto *global = cast<GlobalVariable>(addPrivate(
        ConstantDataArray::getString(context, text.split('\0').first),
        "winnow.string"));
    global->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    return global;
  }

  Constant *makeStruct(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(context, fields);
  }

  Constant *array(ArrayRef<Constant *> elements, const Twine &name) {
    if (elements.empty())
      return null();
    auto *type = ArrayType::get(elements.front()->getType(), elements.size());
    return addPrivate(ConstantArray::get(type, elements), name);
  }

  Constant *dim(const ModelInterface::Dim &dim) {
    bool isStatic = dim.size >= 0;
    return makeStruct({i64(isStatic ? dim.size : -1),
                       i32(isStatic ? -1 : dim.symbol), i32(dim.fromData),
                       i64(isStatic || dim.symbol < 0 ? 0 : dim.factor),
                       i64(isStatic || dim.symbol < 0 ? 0 : dim.offset)});
  }

  Constant *tensors(ArrayRef<ModelInterface::Tensor> tensors,
                    ArrayRef<std::string> cNames, StringRef name) {
    SmallVector<Constant *> elements;
    for (auto [tensor, cName] : zip_equal(tensors, cNames)) {
      SmallVector<Constant *> dims;
      for (const auto &d : tensor.dims)
        dims.push_back(dim(d));
      elements.push_back(
          makeStruct({string(tensor.name), string(cName), i32(tensor.dtype),
                      i32(tensor.dims.size()), array(dims, "winnow.dims")}));
    }
    return array(elements, name);
  }

  Constant *symbols() {
    SmallVector<Constant *> elements;
    for (const auto &symbol : model.symbols)
      elements.push_back(
          makeStruct({string(symbol.name), i64(symbol.min), i64(symbol.max),
                      i32(symbol.fromData), i32(0)}));
    return array(elements, "winnow.symbols");
  }

  Constant *sites() {
    SmallVector<Constant *> elements;
    for (const auto &site : model.sites)
      elements.push_back(makeStruct({string(site.node), string(site.message)}));
    return array(elements, "winnow.sites");
  }

  Constant *ops() {
    SmallVector<Constant *> elements;
    for (const auto &op : model.ops)
      elements.push_back(makeStruct({string(op.kind), string(op.nodes)}));
    return array(elements, "winnow.ops");
  }

  /// The forms of a model share images.
  Constant *image(StringRef bytes, const Twine &name, bool endsWithNul) {
    if (GlobalVariable *known = module.getNamedGlobal(name.str()))
      return known;
    auto *global = cast<GlobalVariable>(
        addPrivate(ConstantDataArray::getString(context, bytes, endsWithNul), name));
    global->setAlignment(Align(64));
    return global;
  }

  Constant *gpuCode(const ModelInterface::Code::GPU &gpu) {
    SmallVector<Constant *> names;
    for (const std::string &kernel : gpu.kernels)
      names.push_back(string(kernel));
    return addPrivate(
        makeStruct({string(gpu.chip), string(gpu.precision), i32(gpu.compute),
                    i32(gpu.isSpecific), i32(gpu.kernels.size()), i32(0),
                    array(names, "winnow.kernels"),
                    image(gpu.ptx, "winnow.ptx." + gpu.chip, /*endsWithNul=*/true),
                    gpu.cubin.empty()
                        ? null()
                        : image(gpu.cubin, "winnow.cubin." + gpu.chip, /*endsWithNul=*/false)}),
        "winnow.gpu." + gpu.chip);
  }

  Constant *codes(ArrayRef<SmallVector<Function *>> functions) {
    SmallVector<Constant *> elements;
    for (auto [code, its] : zip_equal(model.codes, functions)) {
      SmallVector<Constant *> fields = {string(code.cpuLevel),
                                        i64(code.cpuFeatures),
                                        i64(code.scratchBytes)};
      fields.append(its.begin(), its.end());
      fields.push_back(code.gpu ? gpuCode(*code.gpu) : null());
      elements.push_back(makeStruct(fields));
    }
    return array(elements, "winnow.codes");
  }

  Constant *embeddedWeights() {
    if (GlobalVariable *known = module.getNamedGlobal(model.name + "_weights"))
      return known;
    auto *global =
        new GlobalVariable(module, Type::getInt8Ty(context),
                           /*isConstant=*/true, GlobalValue::ExternalLinkage,
                           /*Initializer=*/nullptr, model.name + "_weights");
    global->setVisibility(GlobalValue::HiddenVisibility);
    return global;
  }

  Module &module;
  LLVMContext &context;
  const ModelInterface &model;
  CNames names;
  PointerType *pointer;
};

} // namespace

Constant *DescriptorBuilder::build(const WeightsSummary &weights,
                                   ArrayRef<SmallVector<Function *>> code,
                                   ArrayRef<Function *> functions) {
  auto bind = module.getOrInsertFunction("winnow_rt_bind", pointer, pointer);
  bool embedded = weights.embedded && weights.bytes > 0;
  SmallVector<Constant *> fields = {
      i32(WINNOW_ABI_VERSION),
      i32(sizeof(winnow_model_desc)),
      string(model.name),
      string(getVersionString()),
      string(model.triple),
      i32(model.inputs.size()),
      i32(model.outputs.size()),
      i32(model.symbols.size()),
      i32(model.sites.size()),
      i32(model.ops.size()),
      i32(model.codes.size()),
      tensors(model.inputs, names.inputs, "winnow.inputs"),
      tensors(model.outputs, names.outputs, "winnow.outputs"),
      symbols(),
      sites(),
      ops(),
      codes(code),
      i64(weights.bytes),
      ConstantDataArray::get(context, ArrayRef<uint8_t>(weights.sha256)),
      embedded ? embeddedWeights() : null(),
  };
  for (Function *function : functions)
    fields.push_back(function ? static_cast<Constant *>(function) : null());
  fields.push_back(cast<Constant>(bind.getCallee()));
  return makeStruct(fields);
}

/// Everything that the module defines is the model's own affair.
static void internalize(Module &module) {
  auto hide = [](GlobalValue &value) {
    if (value.isDeclaration() || value.hasLocalLinkage() ||
        value.hasAppendingLinkage())
      return;
    // Comdats and visibility do not go with local symbols.
    if (auto *object = dyn_cast<GlobalObject>(&value))
      object->setComdat(nullptr);
    value.setVisibility(GlobalValue::DefaultVisibility);
    value.setLinkage(GlobalValue::InternalLinkage);
  };
  for (Function &function : module)
    hide(function);
  for (GlobalVariable &variable : module.globals())
    hide(variable);
  for (GlobalAlias &alias : module.aliases())
    hide(alias);
}

/// Appends functions that the module has to define.
static Error find(Module &module, ArrayRef<StringRef> names, StringRef suffix,
                  SmallVector<Function *> &functions) {
  for (StringRef name : names) {
    Function *function = module.getFunction((name + suffix).str());
    if (!function || function->isDeclaration())
      return createStringError("expected the module to define @" + name + suffix +
                               ", got no definition");
    functions.push_back(function);
  }
  return Error::success();
}

namespace {
/// What a descriptor points to.
struct Functions {
  SmallVector<SmallVector<Function *>> code; ///< Of each level.
  SmallVector<Function *> common;            ///< Of all.
};
} // namespace

/// Appends the descriptor of one form, whose functions are there.
static Error addDescriptor(Module &module, const ModelInterface &model,
                           const WeightsSummary &weights, const Functions &functions) {
  std::string symbol = model.getObjectName("model");
  if (module.getNamedValue(symbol))
    return createStringError(
        "expected the name @" + symbol +
        " to be free for the descriptor, got a definition");
  Constant *init =
      DescriptorBuilder(module, model).build(weights, functions.code, functions.common);
  auto *descriptor =
      new GlobalVariable(module, init->getType(), /*isConstant=*/true,
                         GlobalValue::ExternalLinkage, init, symbol);
  uint64_t size = module.getDataLayout().getTypeAllocSize(init->getType());
  if (size != sizeof(winnow_model_desc))
    return createStringError(
        "expected a descriptor of %zu bytes, got %llu; the target's layout of "
        "structs is not the one that the runtime has",
        sizeof(winnow_model_desc), static_cast<unsigned long long>(size));
  descriptor->setAlignment(Align(8));
  return Error::success();
}

/// The functions of one form.
static Expected<Functions> findFunctions(Module &module, const ModelInterface &model) {
  Functions functions;
  std::string form = model.form.empty() ? "" : "." + model.form;
  for (const ModelInterface::Code &entry : model.codes)
    if (Error error = find(module, {"winnow.workspace_bytes", "winnow.run"}, form + entry.suffix,
                           functions.code.emplace_back()))
      return error;
  // What a level computes here, every machine computes that can run the model.
  std::string suffix = form + model.codes.back().suffix;
  if (Error error =
          find(module, {"winnow.output_dims", "winnow.capacities", "winnow.output_room"},
               suffix, functions.common))
    return error;
  bool hasInputExpressions = any_of(model.inputs, [](const auto &tensor) {
    return any_of(tensor.dims,
                  [](const auto &dim) { return dim.size < 0 && dim.symbol < 0; });
  });
  if (!hasInputExpressions)
    functions.common.push_back(nullptr);
  else if (Error error = find(module, {"winnow.input_dim"}, suffix, functions.common))
    return error;
  return functions;
}

Error winnow::addDescriptors(Module &module, ArrayRef<ModelInterface> models,
                             const WeightsSummary &weights) {
  std::vector<Functions> functions;
  for (const ModelInterface &model : models) {
    Expected<Functions> found = findFunctions(module, model);
    if (!found)
      return found.takeError();
    functions.push_back(std::move(*found));
  }
  internalize(module);
  for (auto [model, its] : zip_equal(models, functions))
    if (Error error = addDescriptor(module, model, weights, its))
      return error;
  return Error::success();
}

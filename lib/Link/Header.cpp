#include "winnow/Link/Header.h"
#include "winnow/Link/CNames.h"
#include "winnow/Support/OutputFile.h"
#include "winnow/Support/Version.h"
#include "winnow/abi.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

namespace {

/// The C type of an element, the enumerator that says so, and what a caller
/// has to know of its values.
struct CType {
  const char *type;
  const char *enumerator;
  const char *note = nullptr;
};

CType getCType(uint32_t dtype) {
  switch (dtype) {
  case WINNOW_DTYPE_F32:
    return {"float", "WINNOW_DTYPE_F32"};
  case WINNOW_DTYPE_F64:
    return {"double", "WINNOW_DTYPE_F64"};
  case WINNOW_DTYPE_I8:
    return {"int8_t", "WINNOW_DTYPE_I8"};
  case WINNOW_DTYPE_I16:
    return {"int16_t", "WINNOW_DTYPE_I16"};
  case WINNOW_DTYPE_I32:
    return {"int32_t", "WINNOW_DTYPE_I32"};
  case WINNOW_DTYPE_I64:
    return {"int64_t", "WINNOW_DTYPE_I64"};
  case WINNOW_DTYPE_U8:
    return {"uint8_t", "WINNOW_DTYPE_U8"};
  case WINNOW_DTYPE_U16:
    return {"uint16_t", "WINNOW_DTYPE_U16"};
  case WINNOW_DTYPE_U32:
    return {"uint32_t", "WINNOW_DTYPE_U32"};
  case WINNOW_DTYPE_U64:
    return {"uint64_t", "WINNOW_DTYPE_U64"};
  case WINNOW_DTYPE_BOOL:
    return {"uint8_t", "WINNOW_DTYPE_BOOL", "bytes 0 or 1"};
  case WINNOW_DTYPE_F16:
    return {"uint16_t", "WINNOW_DTYPE_F16", "IEEE binary16 bits"};
  case WINNOW_DTYPE_BF16:
    return {"uint16_t", "WINNOW_DTYPE_BF16", "bfloat16 bits"};
  case WINNOW_DTYPE_F8E4M3FN:
    return {"uint8_t", "WINNOW_DTYPE_F8E4M3FN", "float8e4m3fn bits"};
  case WINNOW_DTYPE_F8E4M3FNUZ:
    return {"uint8_t", "WINNOW_DTYPE_F8E4M3FNUZ", "float8e4m3fnuz bits"};
  case WINNOW_DTYPE_F8E5M2:
    return {"uint8_t", "WINNOW_DTYPE_F8E5M2", "float8e5m2 bits"};
  case WINNOW_DTYPE_F8E5M2FNUZ:
    return {"uint8_t", "WINNOW_DTYPE_F8E5M2FNUZ", "float8e5m2fnuz bits"};
  case WINNOW_DTYPE_U4:
    return {"uint8_t", "WINNOW_DTYPE_U4", "uint4 in the low 4 bits"};
  case WINNOW_DTYPE_I4:
    return {"uint8_t", "WINNOW_DTYPE_I4", "int4 in the low 4 bits"};
  case WINNOW_DTYPE_F4E2M1:
    return {"uint8_t", "WINNOW_DTYPE_F4E2M1", "float4e2m1 in the low 4 bits"};
  case WINNOW_DTYPE_F8E8M0:
    return {"uint8_t", "WINNOW_DTYPE_F8E8M0", "float8e8m0 bits"};
  case WINNOW_DTYPE_U2:
    return {"uint8_t", "WINNOW_DTYPE_U2", "uint2 in the low 2 bits"};
  case WINNOW_DTYPE_I2:
    return {"uint8_t", "WINNOW_DTYPE_I2", "int2 in the low 2 bits"};
  default:
    return {"void", "0"};
  }
}

/// Writes what belongs to one form of the model.
class FormWriter {
public:
  FormWriter(const ModelInterface &model, raw_ostream &os)
      : model(model), names(makeCNames(model)), os(os) {}

  void write() {
    if (model.form == "packed")
      os << "/* ---- The same model for sequences without padding ----\n *\n"
            " * All tokens lie one after the other, sequence by sequence: [batch, "
            "sequence, ...]\n * is [tokens, ...]. Sequence i has the tokens from "
            "cu_seqlens[i] to\n * cu_seqlens[i + 1] (cu_seqlens[0] is 0, the last one "
            "is the number of all).\n * Contexts for it are made from this model: open "
            "it with `shared` of the options\n * set to the other one, so that both "
            "have one copy of the weights. */\n\n";
    os << "/* What winnow_model_open opens. */\n"
       << "extern const winnow_model_desc " << model.getObjectName("model") << ";\n\n";
    writeSymbols();
    writeReserve();
    if (hasDataOutputs())
      writePlan();
    writeRun();
  }

private:
  std::string dimsType() const { return model.getObjectName("dims"); }
  bool hasSymbols() const { return !model.symbols.empty(); }
  /// Whether dims of inputs vary: data symbols are none of them.
  bool hasInputSymbols() const {
    return any_of(model.symbols,
                  [](const auto &symbol) { return !symbol.fromData; });
  }
  bool hasDataOutputs() const {
    return any_of(model.outputs,
                  [](const auto &tensor) { return tensor.dependsOnData(); });
  }

  std::string spell(const ModelInterface::Dim &dim) const {
    if (dim.size >= 0)
      return std::to_string(dim.size);
    return escapeForComment(dim.isSymbol() ? model.symbols[dim.symbol].name
                                            : dim.expression);
  }

  void writeSymbols() {
    if (!hasSymbols())
      return;
    os << "/* The dimensions that vary between runs, in the order that the "
          "runtime calls\n * symbols. */\n"
       << "typedef struct " << dimsType() << " {\n";
    for (auto [symbol, name] : zip(model.symbols, names.symbols)) {
      os << "  int64_t " << name << "; /* '" << escapeForComment(symbol.name)
         << "': " << symbol.min;
      if (symbol.max == INT64_MAX)
        os << " or more";
      else
        os << " to " << symbol.max;
      if (symbol.fromData)
        os << "; from data: only " << model.getFunctionName("reserve")
           << " reads this, 0 is fine";
      os << " */\n";
    }
    os << "} " << dimsType() << ";\n\n";
  }

  void writeReserve() {
    if (!hasSymbols())
      return;
    os << "/* Prepares the context for runs of up to this size: they then "
          "allocate nothing. */\n"
       << "static inline winnow_status *" << model.getFunctionName("reserve")
       << "(winnow_context *context, const " << dimsType() << " *dims) {\n"
       << "  return winnow_context_reserve(context, (const int64_t *)dims);\n"
       << "}\n\n";
  }

  void writePlan() {
    size_t ranks = 0;
    for (const auto &tensor : model.outputs)
      ranks += tensor.dims.size();
    os << "/* Writes the dims that the outputs of the next run need room for, "
          "one output after\n * the other, see winnow_context_plan. What the "
          "outputs of a run have is told by\n * winnow_context_output_dims. "
          "*/\n"
       << "enum { " << model.getObjectName("num_output_dims") << " = " << ranks << " };\n"
       << "static inline winnow_status *" << model.getFunctionName("plan")
       << "(winnow_context *context";
    if (hasInputSymbols())
      os << ", const " << dimsType() << " *dims";
    os << ",\n    int64_t winnow_output_dims[" << ranks << "]) {\n";
    writeInputs(/*withData=*/false);
    os << "  return winnow_context_plan(context, "
       << arrayOr0(model.inputs, "inputs") << ",\n      winnow_output_dims, "
       << ranks << ", NULL);\n}\n\n";
  }

  void documentTensor(const ModelInterface::Tensor &tensor, StringRef name) {
    os << " *   " << name << ": ";
    interleave(
        tensor.dims, [&](const auto &dim) { os << "[" << spell(dim) << "]"; },
        [&] {});
    if (tensor.dims.empty())
      os << "one value";
    if (const char *note = getCType(tensor.dtype).note)
      os << ", " << note;
    os << ", '" << escapeForComment(tensor.name) << "'\n";
  }

  void writeRun() {
    os << "/* Runs the model once, see winnow_run. Row-major, dense arrays; "
          "the "
          "caller\n * provides the outputs, as large as stated";
    if (hasDataOutputs())
      os << "; those with a size in bytes\n * as large as "
         << model.getFunctionName("plan") << " says";
    os << ".\n * inputs:\n";
    for (auto [tensor, name] : zip(model.inputs, names.inputs))
      documentTensor(tensor, name);
    os << " * outputs:\n";
    for (auto [tensor, name] : zip(model.outputs, names.outputs))
      documentTensor(tensor, name);
    os << " */\nstatic inline winnow_status *" << model.getFunctionName("run")
       << "(winnow_context *context";
    if (hasInputSymbols())
      os << ", const " << dimsType() << " *dims";
    for (auto [tensor, name] : zip(model.inputs, names.inputs))
      os << ",\n    const " << getCType(tensor.dtype).type << " *" << name;
    for (auto [tensor, name] : zip(model.outputs, names.outputs)) {
      os << ",\n    " << getCType(tensor.dtype).type << " *" << name;
      if (tensor.dependsOnData())
        os << ", size_t " << bytesOf(name);
    }
    os << ") {\n";
    writeInputs(/*withData=*/true);
    writeOutputs();
    os << "  return winnow_run(context, " << arrayOr0(model.inputs, "inputs")
       << ", " << arrayOr0(model.outputs, "outputs") << ");\n}\n\n";
  }

  std::string arrayOr0(const std::vector<ModelInterface::Tensor> &tensors,
                       StringRef array) {
    return (tensors.empty() ? "NULL" : "winnow_" + array.str()) + ", " +
           std::to_string(tensors.size());
  }

  /// The parameter for the room at an output whose dims depend on data. No
  /// other parameter begins with winnow_.
  static std::string bytesOf(StringRef name) {
    return ("winnow_" + name + "_bytes").str();
  }

  /// A dimension in C, computed from the fields of `dims`.
  void writeFormula(StringRef formula) {
    while (!formula.empty()) {
      auto [text, rest] = formula.split('$');
      os << text;
      unsigned symbol;
      if (rest.empty() || rest.consumeInteger(10, symbol))
        return;
      os << "dims->" << names.symbols[symbol];
      formula = rest;
    }
  }

  void writeInputs(bool withData) {
    // An empty array is not C, so scalars pass no dims and a model without
    // inputs no array. Locals begin with winnow_, which no parameter does.
    for (auto [index, tensor] : enumerate(model.inputs)) {
      if (tensor.dims.empty())
        continue;
      os << "  const int64_t winnow_dims" << index << "[] = {";
      ListSeparator separator;
      for (const auto &dim : tensor.dims) {
        os << separator;
        if (dim.size >= 0)
          os << dim.size;
        else if (dim.isSymbol())
          os << "dims->" << names.symbols[dim.symbol];
        else
          writeFormula(dim.formula);
      }
      os << "};\n";
    }
    if (model.inputs.empty())
      return;
    os << "  const winnow_tensor winnow_inputs[] = {\n";
    for (auto [index, tensor] : enumerate(model.inputs)) {
      os << "      winnow_make_tensor(" << getCType(tensor.dtype).enumerator
         << ", " << tensor.dims.size() << ", ";
      if (tensor.dims.empty())
        os << "NULL";
      else
        os << "winnow_dims" << index;
      os << ", " << (withData ? names.inputs[index] : "NULL") << ", 0),\n";
    }
    os << "  };\n";
  }

  void writeOutputs() {
    if (model.outputs.empty())
      return;
    os << "  const winnow_tensor winnow_outputs[] = {\n";
    for (auto [tensor, name] : zip(model.outputs, names.outputs))
      os << "      winnow_make_tensor(" << getCType(tensor.dtype).enumerator
         << ", " << tensor.dims.size() << ", NULL, " << name << ", "
         << (tensor.dependsOnData() ? bytesOf(name) : "WINNOW_BYTES_UNCHECKED")
         << "),\n";
    os << "  };\n";
  }

  const ModelInterface &model;
  CNames names;
  raw_ostream &os;
};

} // namespace

std::string winnow::makeHeader(ArrayRef<ModelInterface> models) {
  std::string text;
  raw_string_ostream os(text);
  const ModelInterface &model = models.front();
  std::string guard = "WINNOW_MODEL_" + StringRef(model.name).upper() + "_H";
  os << "/* " << model.name << ", compiled by winnow " << getVersionString()
     << " for " << model.listLevels() << ". */\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include \"winnow/runtime.h\"\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  for (const ModelInterface &form : models)
    FormWriter(form, os).write();
  os << "#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}

Error winnow::writeHeader(StringRef path, ArrayRef<ModelInterface> models) {
  return writeOutputFile(path, [&](raw_ostream &os) {
    os << makeHeader(models);
    return Error::success();
  });
}
